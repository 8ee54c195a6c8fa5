"""Calibrator and threshold fitted on cases of sources that the models never saw.

A threshold that is chosen on patients of home is used on strangers. Here it is chosen on strangers:
on the out-of-source predictions of all folds, which the folds then share as an ensemble. Its own cases
cannot judge it, so for the numbers of the report each fold is calibrated and judged by what was fitted
on the other folds alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.combination import CLIP
from medcnn.calibration.fit import fit_calibrator
from medcnn.crossvalidation.joining import OutOfFold, aligned
from medcnn.metrics.proportions import log_odds
from medcnn.metrics.thresholds import Threshold, choose_threshold

Array = npt.NDArray[np.float64]
CHOSEN_ON = "out_of_source"


@dataclass(frozen=True)
class Refitted:
    """What was fitted on all out-of-source predictions, and these as it leaves them.

    Attributes:
        joined: The predictions, each fold by what was fitted on the others.
        calibrator: Of what a fold's model says, fitted on all.
        threshold: Chosen on all.
        validation: The predictions by this calibrator: in its own sample, so no measure of it.
    """

    joined: OutOfFold
    calibrator: Calibrator
    threshold: Threshold
    validation: pd.DataFrame


def refit(joined: OutOfFold, *, calibration: str, rule: str | float) -> Refitted:
    """Return calibrator and threshold for the folds together, and the cross-fitted predictions.

    Args:
        joined: Out-of-source predictions, as each fold's model gave them.
        calibration: Name of the calibrator.
        rule: Of the threshold.

    Raises:
        DataError: If no threshold keeps the rule's promise, on all or on all folds but one.
    """
    table = joined.table
    logit = log_odds(table["p_fold"].to_numpy(np.float64), CLIP)
    label, fold = table["label"].to_numpy(np.int64), table["fold"].to_numpy()
    p, at = np.empty(len(table)), np.empty(len(table))
    for held in np.unique(fold):
        inside = fold == held
        calibrator, threshold = _fitted(logit[~inside], label[~inside], calibration, rule)
        p[inside], at[inside] = calibrator.probability(logit[inside]), threshold.value
    calibrator, threshold = _fitted(logit, label, calibration, rule)
    judged = table.assign(p_fold=p, fold_threshold=at, p_abnormal=aligned(p, at, threshold.value))
    common = replace(threshold, predictions="")
    return Refitted(
        replace(joined, table=judged, threshold=common),
        calibrator,
        common,
        table.assign(split="val", p_abnormal=calibrator.probability(logit)),
    )


def _fitted(
    logit: Array, label: npt.NDArray[np.int64], calibration: str, rule: str | float
) -> tuple[Calibrator, Threshold]:
    calibrator = fit_calibrator(calibration, logit, label)
    return calibrator, choose_threshold(label, calibrator.probability(logit), rule, CHOSEN_ON)
