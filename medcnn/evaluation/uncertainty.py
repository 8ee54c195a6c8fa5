"""What the uncertainty columns of a table are worth: do they find the errors?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from medcnn.evaluation.cases import cases_of
from medcnn.metrics.auroc import auroc
from medcnn.metrics.calibration import mean_estimate
from medcnn.metrics.estimate import BoolArray, FloatArray, IntArray
from medcnn.metrics.proportions import subset
from medcnn.metrics.uncertainty import aurc, reject
from medcnn.predictions import UNCERTAINTY

SHARES = (0.05, 0.10, 0.20)


def uncertainty_of(
    table: pd.DataFrame, threshold: float, level: float = 0.95
) -> tuple[dict[str, Any], list[str]]:
    """Return a summary of each uncertainty column, and warnings; empty where there is none.

    Per column: mean over right and over wrong cases, AUROC of finding the errors, AURC with its
    random and oracle references, and what referring the most uncertain 5, 10 and 20 % buys.
    """
    cases = cases_of(table)
    wrong = (cases.p >= threshold) != (cases.label == 1)
    found: dict[str, Any] = {}
    warnings: list[str] = []
    for name in UNCERTAINTY:
        if name not in table:
            continue
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
        if not np.isfinite(values).all():
            missing = int(np.count_nonzero(~np.isfinite(values)))
            warnings.append(f"The column {name} lacks {missing} values and was left out.")
            continue
        found[name] = _summary(wrong, values, cases.cluster, level)
    return found, warnings


def _summary(
    wrong: BoolArray, values: FloatArray, cluster: IntArray | None, level: float
) -> dict[str, Any]:
    error = wrong.astype(np.float64)
    means = {
        name: mean_estimate(values[mask], subset(cluster, mask), level)
        for name, mask in (("mean_right", ~wrong), ("mean_wrong", wrong))
    }
    rejected = [(part, reject(error, values, part, cluster, level)) for part in SHARES]
    return {
        **means,
        "error_auroc": auroc(wrong.astype(np.int64), values, cluster=cluster, level=level),
        "aurc": vars(aurc(error, values, cluster, level)),
        "rejection": [{"share": part, **vars(found)} for part, found in rejected],
    }
