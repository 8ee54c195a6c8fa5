"""The second pass of a prediction: from the ledger to the table, in slices of bounded memory.

What a row gets from validation (decision, interval, conformal set, referral) needs no other row. Only
the estimate of the prevalence does: for it the probabilities alone are read first.
"""

from __future__ import annotations

import contextlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medcnn.calibration.detector import FLAG, REASONS, SCORE
from medcnn.calibration.frequency import FrequencyBand, frequency_of
from medcnn.calibration.prior_shift import shift_prior
from medcnn.calibration.settings import Safeguards
from medcnn.evaluation.conformal import COLUMN as SET
from medcnn.evaluation.prior_shift import BEFORE, correct_prior
from medcnn.evaluation.referral import COLUMN as REFERRED
from medcnn.evaluation.safeguards import guard_files
from medcnn.inference.ledger import Ledger
from medcnn.run.directory import atomic_path

LOW, HIGH = "p_low", "p_high"
FIRST = ("image_id", "patient_id", "p_abnormal", LOW, HIGH, "decision", "threshold")
LAST = ("error", "error_kind", "warnings")
TEXT = {"image_id", "patient_id", "decision", SET, REASONS, *LAST}
WHOLE = {FLAG, REFERRED}


@dataclass(frozen=True)
class Judging:
    """How probabilities become decisions.

    Attributes:
        val: Validation predictions, made like those of the files; None where there are none.
        asked: The safeguards; a prevalence that was to be estimated is a number or None once settled.
        threshold: The frozen threshold.
        seed: Of whatever is drawn.
        warnings: What a reader has to know of the estimate.
    """

    val: pd.DataFrame | None
    asked: Safeguards
    threshold: float
    seed: int = 0
    warnings: tuple[str, ...] = ()
    _known: frozenset[str] = frozenset()

    @property
    def prevalences(self) -> tuple[float, float] | None:
        """Validation's prevalence and the one that probabilities are corrected to, if they are."""
        if self.val is None or not isinstance(self.asked.prior_shift, float):
            return None
        return float(self.val["label"].mean()), self.asked.prior_shift

    @property
    def thresholds(self) -> list[float]:
        """The threshold, and what it is before the prevalence is corrected."""
        if self.prevalences is None or not 0 < self.prevalences[0] < 1:
            return [self.threshold]
        source, target = self.prevalences
        return [self.threshold, float(shift_prior([self.threshold], target, source)[0])]

    def settled(self, ledger: Ledger) -> Judging:
        """Return this with the prevalence estimated from all rows, where that is asked for."""
        wanted = self.asked.prior_shift
        if self.val is None or wanted is None or isinstance(wanted, float):
            return self
        rows = _slim(ledger)
        if rows.empty:
            return replace(self, asked=replace(self.asked, prior_shift=None))
        found = correct_prior(self.val, rows, wanted, seed=self.seed)
        if not found.record.applied:
            asked = replace(self.asked, prior_shift=None)
            return replace(self, asked=asked, warnings=found.warnings)
        target = found.record.target_prevalence
        said = correct_prior(self.val, rows.head(0), target, seed=self.seed).warnings
        asked = replace(self.asked, prior_shift=target)
        return replace(self, asked=asked, warnings=found.warnings, _known=frozenset(said))

    def band(self) -> FrequencyBand | None:
        """Return the intervals that validation gives; None without it."""
        return None if self.val is None else frequency_of(self.val, seed=self.seed)

    def judge(
        self, rows: pd.DataFrame, band: FrequencyBand | None
    ) -> tuple[pd.DataFrame, list[str]]:
        """Return the rows with interval, decision and safeguards, and warnings."""
        p = rows["p_abnormal"].to_numpy(np.float64)
        decision = np.where(p >= self.threshold, "abnormal", "normal").astype(object)
        decision[np.isnan(p)] = None
        rows = rows.assign(decision=decision, threshold=self.threshold)
        if band is not None:
            low, high = band.interval(p)
            if self.prevalences is not None:
                low, high = (shift_prior(bound, *self.prevalences) for bound in (low, high))
            rows[LOW], rows[HIGH] = low, high
        table, warnings = guard_files(self.val, rows, self.asked, seed=self.seed)
        return table, [text for text in warnings if text not in self._known]


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


def write_table(ledger: Ledger, judging: Judging, output: Path) -> Written:
    """Write all rows of the ledger's last walk to a CSV or Parquet file, and return their counts."""
    band, written = judging.band(), Written()
    written.warnings.update(dict.fromkeys(judging.warnings))
    names = _columns(ledger.columns, judging)
    with atomic_path(output) as temporary, _writer(temporary, names) as write:
        for rows in ledger.slices():
            table, warnings = judging.judge(_frame(rows, ledger.columns), band)
            written.warnings.update(dict.fromkeys(warnings))
            table = table.reindex(columns=names)
            written.count(table)
            write(_typed(table))
    return written


def _slim(ledger: Ledger) -> pd.DataFrame:
    """Return probability and patient of every row; a patient's name is kept once."""
    p, patients, codes = array("d"), dict[str | None, int](), array("q")
    for value, patient in ledger.probabilities():
        p.append(value)
        codes.append(patients.setdefault(patient or None, len(patients)))
    names = np.array(list(patients), dtype=object)[np.array(codes, dtype=np.int64)]
    return pd.DataFrame({"p_abnormal": np.array(p, dtype=np.float64), "patient_id": names})


def _frame(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys(["image_id", "p_abnormal", *columns])))
    for name in frame.columns.difference(list(TEXT)):
        frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(np.float64)
    return frame


def _columns(measured: Sequence[str], judging: Judging) -> list[str]:
    asked = judging.asked
    added = [name for name in (FLAG, SCORE, REASONS) if name in measured]
    added += [REFERRED] if asked.refer is not None else []
    added += [SET] if asked.alpha is not None else []
    added += [BEFORE] if asked.prior_shift is not None else []
    first = [name for name in FIRST if judging.val is not None or name not in (LOW, HIGH)]
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
