"""The arrays that metrics are computed from, taken out of a Predictions table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from medcnn.metrics.estimate import BoolArray, Estimate, FloatArray, IntArray
from medcnn.metrics.proportions import share, subset
from medcnn.predictions import clusters_of


@dataclass(frozen=True)
class Cases:
    """N cases.

    Attributes:
        label: 0 or 1.
        p: The probability of abnormal.
        patients: The number of patients.
        cluster: The patient of each case as integers from 0; None where no patient has two cases,
            or where they are not to be kept together.
    """

    label: IntArray
    p: FloatArray
    patients: int
    cluster: IntArray | None = None

    @property
    def positives(self) -> int:
        """The number of abnormal cases."""
        return int(self.label.sum())

    @property
    def negatives(self) -> int:
        """The number of normal cases."""
        return len(self.label) - self.positives

    @property
    def decided(self) -> bool:
        """Whether these are 0/1 decisions, such as a reader's, rather than probabilities."""
        return bool(np.isin(self.p, (0.0, 1.0)).all())

    def share(self, hit: BoolArray, level: float, among: BoolArray | None = None) -> Estimate:
        """Return the share of hits among some of the cases, or all, by Wilson.

        Args:
            hit: N, True for a success.
            level: Nominal coverage; patients are counted where some have several cases.
            among: N, the cases that count.
        """
        counted = np.ones(len(hit), dtype=bool) if among is None else among
        return share(hit[counted], subset(self.cluster, counted), level)


def cases_of(table: pd.DataFrame, *, clusters: bool = True) -> Cases:
    """Return the cases in the rows of a table."""
    return Cases(
        label=table["label"].to_numpy(np.int64),
        p=table["p_abnormal"].to_numpy(np.float64),
        patients=int(table["patient_id"].nunique()),
        cluster=clusters_of(table["patient_id"]) if clusters else None,
    )
