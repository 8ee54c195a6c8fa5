"""The table of a prediction: from the ledger to a CSV or Parquet file, in slices of bounded memory."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from medcnn.calibration.detector import FLAG, REASONS, SCORE
from medcnn.calibration.frequency import FrequencyBand
from medcnn.evaluation.conformal import COLUMN as SET
from medcnn.evaluation.prior_shift import BEFORE
from medcnn.evaluation.referral import COLUMN as REFERRED
from medcnn.inference.decision import HIGH, LOW, Decision
from medcnn.inference.ledger import Ledger
from medcnn.run.directory import atomic_path

FIRST = ("image_id", "patient_id", "p_abnormal", LOW, HIGH, "decision", "threshold")
LAST = ("error", "error_kind", "warnings")
DICOM = ("dicom_result", "dicom_left_out")
"""Of a DICOM result: its file, or why there is none."""
SHIFT = "shift"
"""Whether the files as a whole are from the population of home."""
TEXT = {"image_id", "patient_id", "decision", SET, REASONS, *LAST, *DICOM, SHIFT}
WHOLE = {FLAG, REFERRED}


class Beside(Protocol):
    """What is made of the rows as they go into the table, and says so in columns of its own."""

    columns: tuple[str, ...]
    warnings: tuple[str, ...]

    def add(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the decided rows with the columns."""


@dataclass
class Written:
    """What the table holds, in numbers."""

    rows: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    foreign: int = 0
    referred: int = 0
    warnings: dict[str, None] = field(default_factory=dict)

    def count(self, table: pd.DataFrame) -> None:
        """Add the rows of one slice."""
        self.rows += len(table)
        self.decisions.update(table["decision"].dropna())
        self.errors.update(table["error_kind"].dropna())
        self.foreign += int((table[FLAG] == 1).sum()) if FLAG in table else 0
        self.referred += int((table[REFERRED] == 1).sum()) if REFERRED in table else 0


def write_table(
    ledger: Ledger, decision: Decision, output: Path, beside: Beside | None = None
) -> Written:
    """Write all rows of the ledger's last walk to a CSV or Parquet file, and return their counts."""
    band, written = decision.band(), Written()
    written.warnings.update(dict.fromkeys(decision.warnings))
    added = beside.columns if beside is not None else ()
    written.warnings.update(dict.fromkeys(beside.warnings if beside is not None else ()))
    names = [*_columns(ledger.columns, decision), *added]
    with atomic_path(output) as temporary, _writer(temporary, names) as write:
        for rows in ledger.slices():
            table, warnings = decision.decide(_frame(rows, ledger.columns), band)
            written.warnings.update(dict.fromkeys(warnings))
            table = table if beside is None else beside.add(table)
            table = table.reindex(columns=names)
            written.count(table)
            write(_typed(table))
    return written


def decided(
    rows: Sequence[Mapping[str, object]], decision: Decision, band: FrequencyBand | None
) -> list[dict[str, object]]:
    """Return rows as the table holds them, without a file; cells that are empty hold None.

    Args:
        rows: As ``medcnn.inference.rows`` yields them.
        decision: How probabilities become decisions.
        band: What ``decision.band()`` returned.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table, _ = decision.decide(_frame(rows, columns), band)
    table = _typed(table.reindex(columns=_columns(columns, decision)))
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def _frame(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys(["image_id", "p_abnormal", *columns])))
    for name in frame.columns.difference(list(TEXT)):
        frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(np.float64)
    return frame


def _columns(measured: Sequence[str], decision: Decision) -> list[str]:
    asked = decision.asked
    added = [name for name in (FLAG, SCORE, REASONS) if name in measured]
    added += [REFERRED] if asked.refer is not None else []
    added += [SET] if asked.alpha is not None else []
    added += [BEFORE] if asked.prior_shift is not None else []
    first = [name for name in FIRST if decision.val is not None or name not in (LOW, HIGH)]
    return list(dict.fromkeys([*first, *added, *(m for m in measured if m not in LAST), *LAST]))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    kinds = {name: "Int64" for name in table if name in WHOLE}
    numbers = [name for name in table if name not in TEXT | WHOLE]
    table = table.astype({**kinds, **dict.fromkeys(numbers, np.float64)})
    texts = [name for name in table if name in TEXT]
    return table.assign(
        **{name: table[name].astype(object).where(table[name].notna(), None) for name in texts}
    )


@contextlib.contextmanager
def _writer(path: Path, names: Sequence[str]) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Yield what writes one slice after another."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            pd.DataFrame(columns=list(names)).to_csv(stream, index=False)
            yield lambda table: table.to_csv(stream, index=False, header=False, float_format="%.9g")
        return
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {name: pa.string() if name in TEXT else pa.float64() for name in names}
    kinds |= {name: pa.int64() for name in names if name in WHOLE}
    schema = pa.schema(list(kinds.items()))
    with parquet.ParquetWriter(path, schema) as writer:
        yield lambda table: writer.write_table(
            pa.Table.from_pandas(table, schema=schema, preserve_index=False)
        )
