"""What members, views and stochastic passes bought: the same cases with fewer of them.

Legend: M members, V views, S stochastic passes, N cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.metrics.auroc import auroc
from medcnn.metrics.calibration import log_losses, mean_estimate
from medcnn.metrics.estimate import Estimate
from medcnn.predictions import clusters_of

Array = npt.NDArray[np.float64]


def fewer(p_MVSN: Array) -> dict[str, Array]:
    """Return the mean probability by parts of the members, views and passes, by what they are.

    What is not there is left out, so that one model seen once gives an empty answer.

    >>> list(fewer(np.zeros((2, 1, 1, 3))))
    ['one_member', 'all_members']
    """
    members, views, passes, _ = p_MVSN.shape
    if members * views * passes == 1:
        return {}
    found = {}
    if passes > 1:
        found["one_pass"] = p_MVSN[0, 0, 0]
        found["all_passes"] = p_MVSN[0, 0].mean(0)
    elif views > 1 or members > 1:
        found["one_member"] = p_MVSN[0, 0, 0]
    if views > 1:
        found["all_views"] = p_MVSN[0].mean((0, 1))
    if members > 1:
        found["all_members"] = p_MVSN[:, 0].mean((0, 1))
    if views > 1 and members > 1:
        found["all_members_and_views"] = p_MVSN.mean((0, 1, 2))
    return found


@dataclass(frozen=True)
class Ablation:
    """AUROC and log-loss of a part of the members, views and passes."""

    part: str = field(metadata={"key": "knob"})
    auroc: Estimate
    nll: Estimate


def ablations(table: pd.DataFrame, parts: Mapping[str, Array]) -> tuple[Ablation, ...]:
    """Return AUROC and log-loss of each part on the same cases, with intervals.

    Args:
        table: ``label`` and ``patient_id`` of the cases.
        parts: As ``fewer`` returns them.
    """
    label = table["label"].to_numpy(np.int64)
    cluster = clusters_of(table["patient_id"])
    return tuple(
        Ablation(
            name,
            auroc(label, p, cluster=cluster),
            mean_estimate(log_losses(label, p), cluster),
        )
        for name, p in parts.items()
    )
