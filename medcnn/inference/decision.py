"""How probabilities of files become decisions, with the safeguards that were asked for.

What a row gets from validation (decision, interval, conformal set, referral) needs no other row. Only
the estimate of the prevalence does: for it the probabilities alone are read first.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medcnn.calibration.frequency import FrequencyBand, frequency_of
from medcnn.calibration.prior_shift import shift_prior
from medcnn.calibration.settings import Safeguards
from medcnn.evaluation.prior_shift import correct_prior
from medcnn.evaluation.safeguards import safeguard_files
from medcnn.inference.ledger import Ledger

LOW, HIGH = "p_low", "p_high"


@dataclass(frozen=True)
class Decision:
    """How probabilities become decisions.

    Attributes:
        val: Validation predictions, made like those of the files; None where there are none.
        asked: The safeguards; a prevalence that was to be estimated is a number or None once estimated.
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

    def estimated(self, ledger: Ledger) -> Decision:
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

    def decide(
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
        table, warnings = safeguard_files(self.val, rows, self.asked, seed=self.seed)
        return table, [text for text in warnings if text not in self._known]


def _slim(ledger: Ledger) -> pd.DataFrame:
    """Return probability and patient of every row; a patient's name is kept once."""
    p, patients, codes = array("d"), dict[str | None, int](), array("q")
    for value, patient in ledger.probabilities():
        p.append(value)
        codes.append(patients.setdefault(patient or None, len(patients)))
    names = np.array(list(patients), dtype=object)[np.array(codes, dtype=np.int64)]
    return pd.DataFrame({"p_abnormal": np.array(p, dtype=np.float64), "patient_id": names})
