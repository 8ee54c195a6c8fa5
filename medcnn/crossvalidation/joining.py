"""Out-of-fold predictions: each image as predicted by the fold that was not trained on its patient.

Where the data has a test split of its own, the held-out fold is the validation of its run, which
chose the epoch and the threshold on it; a case is then judged at the mean threshold of the *other*
folds. Otherwise the held-out fold is a test split, judged at the threshold of its own run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from medcnn.data.splits.source_folds import source_names
from medcnn.errors import DataError
from medcnn.evaluation.cross_validation import (
    CrossValidation,
    FoldResults,
    Spread,
    at_fold_threshold,
)
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.proportions import log_odds
from medcnn.metrics.thresholds import Threshold
from medcnn.record.record import Record
from medcnn.run.directory import RunDir

Array = npt.NDArray[np.float64]
EDGE = 1e-9
MEASURES = ("auroc", "sensitivity", "specificity")


@dataclass(frozen=True)
class OutOfFold:
    """The joined predictions of all folds.

    Attributes:
        table: Predictions with ``fold``, and with ``p_fold`` as the fold's model gave it and
            ``fold_threshold``, at which it is judged. In ``p_abnormal`` each fold is shifted so that
            its threshold falls on the common one.
        role: What the held-out fold was to its run, ``test`` or ``val``.
        threshold: One operating point for all: the mean of the folds', on the logit scale.
    """

    table: pd.DataFrame
    role: str
    threshold: Threshold


def held_out_role(manifests: Sequence[pd.DataFrame]) -> str:
    """Return which split of the runs was the held-out fold: the one that differs between them."""
    tests = [frozenset(table.loc[table["split"] == "test", "image_id"]) for table in manifests]
    return "val" if len(set(tests)) == 1 else "test"


def join(runs: Sequence[RunDir], source: str = "") -> OutOfFold:
    """Return the out-of-fold predictions of finished runs, the first of fold 0.

    Args:
        runs: The runs of all folds.
        source: The column of the sources, where folds are made of them: then a patient may be tested
            in several folds, each time by a model that never saw them, and the table has ``source``.

    Raises:
        DataError: If an image stands in two held-out folds, or a patient or source in the training of
            the run that predicts it.
    """
    records = [Record(run) for run in runs]
    manifests = [record.manifest.table for record in records]
    role = held_out_role(manifests)
    thresholds = [record.threshold for record in records]
    judged = judging_thresholds([each.value for each in thresholds], role)
    parts = []
    for fold, (record, manifest) in enumerate(zip(records, manifests, strict=True)):
        part = record.predictions(role)
        part = part.assign(fold=fold, fold_threshold=judged[fold])
        unseen = {"patient_id": "data.group=patient_id"}
        if source:
            names = source_names(manifest.set_index("image_id")[source])
            part = part.assign(source=part["image_id"].map(names))
            manifest = manifest.assign(source=manifest["image_id"].map(names))
            unseen |= {"source": f"data.fold_by={source}"}
        for column, how in unseen.items():
            _check_unseen(part, manifest, fold, column, how)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    _check_once(table, patients=not source)
    common = mean_threshold([each.value for each in thresholds])
    table["p_fold"] = table["p_abnormal"]
    table["p_abnormal"] = aligned(
        table["p_fold"].to_numpy(np.float64), table["fold_threshold"].to_numpy(np.float64), common
    )
    chosen_on = "val" if role == "test" else "folds"
    return OutOfFold(table, role, Threshold(common, thresholds[0].rule, chosen_on))


def aligned(p: Array, threshold: Array, common: float) -> Array:
    """Return probabilities shifted on the logit scale so that each one's threshold becomes ``common``.

    Models of different folds are not on one scale: at one threshold for all, some would be judged
    where they never would be. Shifted, every case keeps the decision and the rank that it has in its
    fold.

    >>> aligned(np.array([0.4, 0.6]), np.array([0.5, 0.7]), 0.5).round(3).tolist()
    [0.4, 0.391]
    """
    own, at, to = (log_odds(np.asarray(each), EDGE) for each in (p, threshold, common))
    return np.asarray(expit(own - at + to))


def mean_threshold(values: Sequence[float]) -> float:
    """Return the mean on the logit scale, on which thresholds near 0 and 1 count like others.

    >>> round(mean_threshold([0.1, 0.9]), 6)
    0.5
    """
    return float(expit(log_odds(np.asarray(values), EDGE).mean()))


def judging_thresholds(values: Sequence[float], role: str) -> list[float]:
    """Return the threshold at which the held-out cases of each fold are judged.

    Args:
        values: The frozen threshold of each fold's run.
        role: ``test``: its own; ``val``: the mean of the others, because its own was chosen on
            these very cases.
    """
    if role == "test":
        return list(values)
    return [
        mean_threshold([*values[:fold], *values[fold + 1 :]]) if len(values) > 1 else values[0]
        for fold in range(len(values))
    ]


def _check_unseen(
    part: pd.DataFrame, manifest: pd.DataFrame, fold: int, column: str, how: str
) -> None:
    trained = set(manifest.loc[manifest["split"] == "train", column])
    seen = sorted(trained & set(part[column]))
    if seen:
        what = "patients" if column == "patient_id" else "sources"
        raise DataError(
            f"Fold {fold} predicts {what} that it was trained on.",
            expected=f"whole {what} held out",
            found=f"{len(seen)} {what}, for example {seen[0]!r}",
            remedy=f"split by {how}, and train the folds again",
        )


def _check_once(table: pd.DataFrame, *, patients: bool) -> None:
    twice = table.loc[table["image_id"].duplicated(), "image_id"].tolist()
    if patients:
        folds = table.groupby("patient_id")["fold"].nunique()
        twice = [*folds[folds > 1].index, *twice]
    if twice:
        raise DataError(
            "The folds overlap, so their predictions cannot be joined.",
            expected="each patient held out once" if patients else "each image held out once",
            found=f"{twice[0]!r} is held out twice",
            remedy="train all folds with the same data, data.folds, seed and data.group",
        )


def cross_validation_results(joined: OutOfFold, level: float = 0.95) -> CrossValidation:
    """Return what only folds can tell: each at its threshold, their spread, and all of them pooled.

    ``pooled`` counts each case at the threshold of its fold, with the intervals of the headline.
    ``mean`` of a measure over folds comes with its standard deviation, which is the spread of models
    and held-out patients together and not a standard error: training sets of folds overlap (Bengio
    and Grandvalet 2004).
    """
    table = joined.table
    folds = tuple(_of_fold(int(str(fold)), rows, level) for fold, rows in table.groupby("fold"))
    pooled = at_fold_threshold(table, level)
    shifts = log_odds(table["fold_threshold"].to_numpy(np.float64), EDGE)
    return CrossValidation(
        folds=len(folds),
        held_out_as=joined.role,
        pooled={name: pooled[name] for name in ("sensitivity", "specificity")},
        mean={name: _spread(folds, name) for name in MEASURES},
        spread_of_thresholds=float(np.ptp(shifts)),
        by_fold=folds,
    )


def _of_fold(fold: int, rows: pd.DataFrame, level: float) -> FoldResults:
    return FoldResults(
        fold=fold,
        n=len(rows),
        n_patients=int(rows["patient_id"].nunique()),
        threshold=float(rows["fold_threshold"].iloc[0]),
        **at_fold_threshold(rows, level),
    )


def _spread(folds: Sequence[FoldResults], name: str) -> Spread:
    estimates: list[Estimate] = [getattr(fold, name) for fold in folds]
    values = [each.value for each in estimates if each.value is not None]
    if not values:
        return Spread(None, None, None, None)
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), sd, float(min(values)), float(max(values)))
