"""All conformance cases through the reader that every command uses."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medcnn.errors import ImageError, unknown_name
from medcnn.io.conformance import syntax_cases
from medcnn.io.conformance.case import Case, Outcome, judge
from medcnn.io.conformance.table import cases_of
from medcnn.io.reading import read_image


@dataclass(frozen=True)
class Row:
    """What came of one case.

    Attributes:
        part: What of the standard it belongs to.
        case: Its name.
        section: Of the standard.
        expected: What is right.
        result: What was read.
        passed: None where the decoder of a transfer syntax is not installed.
    """

    part: str
    case: str
    section: str
    expected: str
    result: str
    passed: bool | None


PARTS: dict[str, Sequence[Case]] = {
    "transfer syntax": syntax_cases.CASES,
    "false transfer syntax": syntax_cases.FALSE,
    **{part: cases_of(part) for part in ("pixel module", "modality and VOI LUT", "window")},
    "fault": syntax_cases.FAULTS,
}


def check_dicom(names: Iterable[str] | None = None) -> list[Row]:
    """Read every case and return one row each.

    Args:
        names: Names of cases; None means all.

    Raises:
        ConfigError: If there is no case of a name.
    """
    every = {case.name: (part, case) for part, cases in PARTS.items() for case in cases}
    wanted = list(every) if names is None else list(names)
    unknown = next((name for name in wanted if name not in every), None)
    if unknown is not None:
        raise unknown_name("DICOM case", unknown, every)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.dcm"
        return [
            Row(part, case.name, case.section, case.expected, *run_case(case, path))
            for part, case in map(every.__getitem__, wanted)
        ]


def failures(rows: Iterable[Row]) -> list[str]:
    """Return the names of the cases that came out wrong."""
    return [row.case for row in rows if row.passed is False]


def run_case(case: Case, path: Path) -> Outcome:
    """Write the case's file to ``path``, read it, and return what came of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of elements that are wrong on purpose
        path.write_bytes(case.make())
    try:
        image = read_image(path)
    except ImageError as error:
        if error.kind == "missing_decoder" and case.error != error.kind:
            return Outcome(f"not installed: {error.remedy}", None)
        return Outcome(f"error {error.kind}", error.kind == case.error)
    return judge(case, image)
