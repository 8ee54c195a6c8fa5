"""What the uncertainty columns of a table are worth: do they find the errors?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.referral import ReferralResults
from medcnn.files.records import ABSENT
from medcnn.metrics.auroc import auroc
from medcnn.metrics.calibration import mean_estimate
from medcnn.metrics.estimate import BoolArray, Estimate, FloatArray, IntArray
from medcnn.metrics.proportions import subset
from medcnn.metrics.uncertainty import Aurc, Rejection, aurc, reject
from medcnn.notices import Notice
from medcnn.predictions import UNCERTAINTY

SHARES = (0.05, 0.10, 0.20)


@dataclass(frozen=True)
class DoubtResults:
    """What one measure of doubt is worth.

    Attributes:
        mean_right: Its mean over right decisions.
        mean_wrong: Its mean over wrong ones.
        error_auroc: How well it finds the errors.
        aurc: The area under risk over coverage, with what no order and the best order have.
        rejection: What referring the most doubtful cases buys.
    """

    mean_right: Estimate
    mean_wrong: Estimate
    error_auroc: Estimate
    aurc: Aurc
    rejection: tuple[Rejection, ...]


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """What each measure of doubt is worth, and what became of a referral by one of them."""

    entropy: DoubtResults | None = field(default=None, metadata=ABSENT)
    expected_entropy: DoubtResults | None = field(default=None, metadata=ABSENT)
    mutual_information: DoubtResults | None = field(default=None, metadata=ABSENT)
    std: DoubtResults | None = field(default=None, metadata=ABSENT)
    referral: ReferralResults | None = field(default=None, metadata=ABSENT)

    @property
    def measures(self) -> dict[str, DoubtResults]:
        """The measures that there are, by name."""
        found = {name: getattr(self, name) for name in UNCERTAINTY}
        return {name: each for name, each in found.items() if each is not None}


def uncertainty_of(
    table: pd.DataFrame, threshold: float, level: float = 0.95
) -> tuple[Uncertainty, list[Notice]]:
    """Return what each uncertainty column is worth, and warnings; empty where there is none."""
    cases = cases_of(table)
    wrong = (cases.p >= threshold) != (cases.label == 1)
    found: dict[str, Any] = {}
    warnings = []
    for name in UNCERTAINTY:
        if name not in table:
            continue
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
        if not np.isfinite(values).all():
            missing = int(np.count_nonzero(~np.isfinite(values)))
            warnings.append(Notice("lacking", column=name, missing=missing))
            continue
        found[name] = _worth(wrong, values, cases.cluster, level)
    return Uncertainty(**found), warnings


def _worth(
    wrong: BoolArray, values: FloatArray, cluster: IntArray | None, level: float
) -> DoubtResults:
    error = wrong.astype(np.float64)

    def mean(among: BoolArray) -> Estimate:
        return mean_estimate(values[among], subset(cluster, among), level)

    return DoubtResults(
        mean_right=mean(~wrong),
        mean_wrong=mean(wrong),
        error_auroc=auroc(wrong.astype(np.int64), values, cluster=cluster, level=level),
        aurc=aurc(error, values, cluster, level),
        rejection=tuple(reject(error, values, part, cluster, level) for part in SHARES),
    )
