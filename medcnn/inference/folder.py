"""Prediction of files: a walk through a folder, batches through trained models, one row a file.

Rows are written as they come, so that neither the number of files nor an early end matters; a second
pass (``medcnn.inference.finishing``) makes the table of them.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from medcnn.calibration.frequency import LEVEL, METHOD
from medcnn.console import CONSOLE
from medcnn.errors import DataError
from medcnn.inference.files import Reading, read_files, walk_images
from medcnn.inference.finishing import Judging, Written, write_table
from medcnn.inference.ledger import Entry, Ledger, Stamp, ledger_path
from medcnn.inference.loading import read_settings
from medcnn.inference.out_of_distribution import load_detector
from medcnn.inference.predict_options import PredictOptions
from medcnn.inference.quick import QuickPanel, TooFarError
from medcnn.inference.runs import Panel, assemble, predict_split
from medcnn.inference.ways import ways_of
from medcnn.io.identifiers import pseudonym, read_salt
from medcnn.predictions import read_predictions
from medcnn.run_dir import RunDir, write_json
from medcnn.version import __version__

KEPT_AT_A_TIME = 1000
Row = tuple[dict[str, Any], bool]
"""The columns of a file, and whether they were computed exactly."""


@dataclass(frozen=True)
class Predicted:
    """What a prediction came to.

    Attributes:
        written: What the table holds, in numbers.
        kept: Rows that stood from an earlier prediction.
        warnings: What a reader has to know.
    """

    written: Written
    kept: int
    warnings: tuple[str, ...]


def predict_folder(
    runs: Sequence[RunDir], options: PredictOptions, config: Mapping[str, Any], files: int
) -> Predicted:
    """Predict a file or the files of a folder, and write the table and what it was made with.

    Args:
        runs: One run, or several as one ensemble.
        options: What is asked for.
        config: The command's configuration, for ``vote``, ``tta``, ``mc_samples`` and their like.
        files: How many files there are.

    Raises:
        WeightsError: If a run cannot be loaded.
        DataError: If its records do not fit one another, or the output is another model's.
    """
    panel = assemble(runs, config)
    detector = load_detector(runs[0])
    quick = QuickPanel(panel, detector, exact=options.exact, tolerance=options.tolerance)
    val = _validation(panel, runs, config)
    judging = Judging(val, options.safeguards, panel.threshold.value, options.seed)
    identity = _identity(panel, runs[0], options)
    alone = not options.root.is_dir()
    path = ledger_path(options.output)
    with Ledger(path, identity, resume=options.resume) as ledger:
        walk = Walk(quick, ledger, options, files)
        kept = walk.go(judging.thresholds)
        settled = judging.settled(ledger)
        if quick.fast is not None and settled.thresholds != judging.thresholds:
            walk.go(settled.thresholds, again=True)
        written = write_table(ledger, settled, options.output)
        recomputed = ledger.count(exact=True)
    if alone:
        path.unlink(missing_ok=True)
    warnings = (*panel.notes, *quick.warnings, *_of_interval(val), *written.warnings)
    record = _record(identity, panel, quick, settled, written, warnings, recomputed)
    write_json(options.output.with_name(f"{options.output.name}.json"), record)
    return Predicted(written, kept, warnings)


class Walk:
    """Walks through the input, predicts what the ledger does not hold, and writes it there.

    Args:
        quick: What answers.
        ledger: Where rows go.
        options: What is asked for.
        files: How many files there are, for the progress bar.
    """

    def __init__(
        self, quick: QuickPanel, ledger: Ledger, options: PredictOptions, files: int
    ) -> None:
        self.quick, self.ledger, self.options, self.files = quick, ledger, options, files
        self.salt = _salt(quick.panel)

    def go(self, thresholds: Sequence[float], *, again: bool = False) -> int:
        """Predict what is missing; return how many rows stood already.

        Args:
            thresholds: Near each of them rows are exact.
            again: Whether this process has walked through the input before, so that files that
                could not be read need no second try.
        """
        try:
            return self._walk(thresholds, again)
        except TooFarError:
            self._walk(thresholds, True)
            return 0

    def _walk(self, thresholds: Sequence[float], again: bool) -> int:
        waiting: deque[tuple[int, str, Stamp]] = deque()
        panel = self.quick.panel
        exact = bool(panel.predictor.members[0].settings["data"].get("exact"))
        self.ledger.begin()
        with _progress(self.files) as advance:
            paths = self._pending(thresholds, again, waiting, advance)
            found = read_files(
                paths, panel.predictor.image_size, exact=exact, workers=self.options.workers
            )
            fresh = 0
            with closing(found) as readings:
                while group := list(islice(readings, self.options.batch_size)):
                    entries = []
                    for row, done in self._rows(group, thresholds):
                        place, name, stamp = waiting.popleft()
                        entries.append(Entry(name, place, stamp, row, done))
                    self.ledger.extend_columns(name for entry in entries for name in entry.row)
                    self.ledger.add(entries)
                    fresh += len(entries)
                    advance(len(entries))
        return self.ledger.count() - fresh

    def _pending(
        self,
        thresholds: Sequence[float],
        again: bool,
        waiting: deque[tuple[int, str, Stamp]],
        advance: Callable[[int], None],
    ) -> Iterator[Path]:
        """Yield the files to predict, and give the others' rows their places."""
        stood: list[tuple[int, str]] = []
        for place, path in enumerate(walk_images(self.options.root)):
            name, stamp = name_of(path, self.options.root), Stamp.of(path)
            if not self._stands(self.ledger.find(name, stamp), thresholds, again):
                waiting.append((place, name, stamp))
                yield path
                continue
            stood.append((place, name))
            if len(stood) == KEPT_AT_A_TIME:
                self.ledger.keep(stood)
                advance(len(stood))
                stood.clear()
        self.ledger.keep(stood)

    def _stands(
        self, found: tuple[float | None, bool] | None, thresholds: Sequence[float], again: bool
    ) -> bool:
        if found is None:
            return False
        p, exact = found
        if p is None:
            return again
        if exact:
            return True
        return self.quick.fast is not None and not self.quick.is_near(np.array([p]), thresholds)[0]

    def _rows(self, readings: Sequence[Reading], thresholds: Sequence[float]) -> Iterator[Row]:
        answers = iter(self._answers(readings, thresholds))
        for reading in readings:
            row: dict[str, Any] = {"image_id": name_of(reading.path, self.options.root)}
            if reading.facts is None:
                kind = reading.error.kind if reading.error else "unforeseen"
                yield row | {"error": one_line(str(reading.error)), "error_kind": kind}, True
                continue
            answer, exact = next(answers)
            patient = reading.facts.patient_id
            patient = patient if self.salt is None else pseudonym(patient, self.salt)
            row["patient_id"] = one_line(patient) or None
            row["warnings"] = one_line("; ".join(reading.facts.warnings)) or None
            if answer["p_abnormal"] is None:
                answer = {"error": "the network's answer is no number", "error_kind": "no_answer"}
            yield row | answer, exact

    def _answers(self, readings: Sequence[Reading], thresholds: Sequence[float]) -> list[Row]:
        facts = [reading.facts for reading in readings if reading.facts is not None]
        if not facts:
            return []
        image = _stacked([reading.pixels for reading in readings if reading.pixels is not None])
        table, exact = self.quick.answers(image, facts, thresholds)
        records = ({str(k): _plain(v) for k, v in row.items()} for row in table.to_dict("records"))
        return list(zip(records, map(bool, exact), strict=True))


def name_of(path: Path, root: Path) -> str:
    """Return how the table calls a file: relative to the folder; bytes that are no text escaped."""
    return one_line(str(path.relative_to(root) if path != root else path.name))


def one_line(text: str) -> str:
    """Return a text that any table can hold: one line, without bytes that are no text."""
    printable = text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", " ")
    lines = (line.strip() for line in printable.splitlines())
    return "; ".join(line for line in lines if line)


def _plain(value: Any) -> Any:
    """Return a value as JSON keeps it; what is not finite is nothing."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def _progress(files: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("predicting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=CONSOLE, transient=True) as shown:
        task = shown.add_task("predicting", total=files)
        yield lambda count: shown.advance(task, count)


def _stacked(images: Sequence[npt.NDArray[np.unsignedinteger[Any]]]) -> Tensor:
    images_NHW = np.stack(images)
    scale = np.float32(1.0 / np.iinfo(images_NHW.dtype).max)
    return torch.from_numpy(images_NHW.astype(np.float32) * scale).unsqueeze(1)


def _validation(
    panel: Panel, runs: Sequence[RunDir], config: Mapping[str, Any]
) -> pd.DataFrame | None:
    """Return validation predictions made like those of the files; None where there are none.

    They are what the panel was fitted on just now, or what training left; a single model that is
    looked at otherwise than it was trained predicts its validation images anew.
    """
    if panel.validation is not None:
        return panel.validation
    saved = runs[0].predictions("val")
    as_trained = panel.predictor.ways == ways_of({}, read_settings(runs[0]))
    if saved.is_file() and as_trained:
        return read_predictions(saved)
    if not runs[0].manifest.is_file():
        return None
    try:
        return predict_split(runs, {**config, "split": "val"}).table
    except (DataError, OSError):
        # The run was moved away from its images; the table says that it has no interval.
        return None


def _of_interval(val: pd.DataFrame | None) -> list[str]:
    if val is None:
        return ["There are no validation predictions, so no interval of the probability."]
    return []


def _identity(panel: Panel, run: RunDir, options: PredictOptions) -> dict[str, Any]:
    """Return what tells one way of predicting from another, as plain values."""
    # What was fitted now follows from members and ways, to the last digits.
    saved = panel.judgement is not None and panel.validation is None
    salt = _salt(panel)
    return {
        "input": str(options.root.resolve()),
        "checkpoints": [member.sha256 for member in panel.predictor.members],
        "judgement": _sha256(run.judgement) if saved else None,
        "out_of_distribution": _sha256(run.out_of_distribution),
        "ways": asdict(panel.predictor.ways),
        "pseudonyms": pseudonym("none", salt, "identity") if salt else None,
        "medcnn": __version__,
    }


def _salt(panel: Panel) -> str | None:
    hidden = panel.predictor.members[0].settings["data"].get("hash_patients", False)
    return read_salt() if hidden else None


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _record(
    identity: Mapping[str, Any],
    panel: Panel,
    quick: QuickPanel,
    judging: Judging,
    written: Written,
    warnings: Sequence[str],
    recomputed: int,
) -> dict[str, Any]:
    """Return what stands beside the table: with what it was made, and what is in it."""
    interval = None
    if judging.val is not None:
        patients = int(judging.val["patient_id"].nunique())
        interval = {"level": LEVEL, "method": METHOD, "validation_patients": patients}
    return {
        **identity,
        "threshold": asdict(panel.threshold),
        "interval": interval,
        "safeguards": asdict(judging.asked),
        "precision": {
            "first_answer": quick.precision,
            "tolerance": quick.tolerance if quick.fast is not None else 0.0,
            "largest_difference_seen": quick.largest,
            "computed_exactly": recomputed,
        },
        "files": written.rows,
        "decisions": dict(written.decisions),
        "not_readable": dict(written.errors),
        "out_of_distribution_files": written.foreign,
        "referred": written.referred,
        "warnings": list(warnings),
    }
