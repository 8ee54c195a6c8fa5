"""What the uncertainty columns of a table are worth: do they find the errors?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from medcnn.metrics.auroc import auroc
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
    label = table["label"].to_numpy(np.int64)
    wrong = ((table["p_abnormal"].to_numpy() >= threshold) != (label == 1)).astype(np.float64)
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
        found[name] = _summary(wrong, values, level)
    return found, warnings


def _summary(wrong: np.ndarray, values: np.ndarray, level: float) -> dict[str, Any]:
    area = aurc(wrong, values)
    return {
        "mean_right": _mean(values[wrong == 0]),
        "mean_wrong": _mean(values[wrong == 1]),
        "error_auroc": auroc(wrong.astype(np.int64), values, level=level),
        "aurc": asdict(area) | {"gain": area.gain},
        "rejection": [{"share": share, **asdict(reject(wrong, values, share))} for share in SHARES],
    }


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
