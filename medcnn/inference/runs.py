"""Predictions of a run's own images by one trained model or several, in one way or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.calibration.answers import combine, fit_judgement, probabilities
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.combination import CLIP, Combination
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.passes import Passes
from medcnn.data.datamodule import XrayDataModule
from medcnn.data.manifest import Manifest
from medcnn.data.preparation import cache_images
from medcnn.errors import ConfigError, DataError
from medcnn.inference.device import choose_device
from medcnn.inference.loading import TrainedModel, load_members
from medcnn.inference.predictor import Predictor
from medcnn.inference.settings import AskedViews, Inference, RunSettings, Views, run_settings
from medcnn.metrics.proportions import log_odds
from medcnn.metrics.thresholds import Threshold, fixed_threshold
from medcnn.notices import Notice
from medcnn.record.record import Record
from medcnn.run.directory import RunDir

Array = npt.NDArray[np.float64]

FEWEST = 20
"""Validation images of each class that all members have to share for something to be fitted on."""
FROM_SHARES = ("soft", "logit", "hard")
"""Votes that need no fit, so that members without a common validation set can take them."""


@dataclass(frozen=True)
class Predicted:
    """The Predictions table of a split and what belongs to it.

    Attributes:
        table: The predictions.
        threshold: The operating point.
        notes: What a reader has to know.
        validation: Predictions of the validation images that the operating point was fitted on just
            now; None where it stands from training.
    """

    table: pd.DataFrame
    threshold: Threshold
    notes: tuple[str, ...] = ()
    validation: pd.DataFrame | None = None


@dataclass(frozen=True)
class Panel:
    """Members, how they look, and how their answers become one.

    Attributes:
        predictor: The members and their passes.
        judgement: What makes one answer of theirs.
        validation: Predictions of the validation images that the judgement was fitted on; None where
            it was not fitted now.
    """

    predictor: Predictor
    judgement: Judgement
    validation: pd.DataFrame | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know of the members and of how they were combined."""
        return (*self.predictor.notes, *self.judgement.notes)

    @property
    def threshold(self) -> Threshold:
        """The frozen operating point."""
        return self.judgement.threshold

    def columns(self, logit_MVSN: Array) -> pd.DataFrame:
        """Return the probability and uncertainty of each image from what ``predictor`` found."""
        own = [member.calibrator for member in self.predictor.members]
        return combine(logit_MVSN, own, self.judgement)


def passes_of(asked: AskedViews, settings: RunSettings | None = None, seed: int = 0) -> Passes:
    """Return what is asked for; what is null is as the run was trained.

    Args:
        asked: Votes, views and passes.
        settings: The run's own; None where several runs are combined anew.
        seed: Of the passes, where there is no run to take it from.
    """
    own = settings.views if settings else Views()
    vote = asked.vote or (settings.ensemble.vote if settings else "soft")
    return Passes(
        vote=vote,
        tta=asked.tta or own.tta,
        merge=asked.tta_merge or own.tta_merge,
        mc_samples=own.mc_samples if asked.mc_samples is None else asked.mc_samples,
        inject=asked.mc.inject or own.mc.inject,
        p=float(asked.mc.p or own.mc.p),
        seed=(settings.seed if settings else 0) or seed,
    )


def assemble(runs: Sequence[RunDir], how: Inference) -> Panel:
    """Return the members of the runs with what combines them.

    A run that is looked at as it was trained brings its judgement along; for anything else it is
    fitted now, on validation images that no member was trained on.

    Args:
        runs: One or several.
        how: Images go through them.
    """
    device = choose_device(how.device)
    trained = run_settings(runs[0]) if len(runs) == 1 else None
    passes = passes_of(how.views, trained, how.seed)
    groups = [load_members(run) for run in runs]
    predictor = Predictor([member for group in groups for member in group], passes, device)
    if len(predictor.members) == 1 and passes.single:
        return Panel(predictor, predictor.members[0].judged)
    if len(runs) == 1 and runs[0].judgement.is_file():
        saved = Record(runs[0]).judgement
        if saved.passes == passes:
            return Panel(predictor, saved)
    # Folds have validation images of their own, and share few or none.
    apart = [fold for run in runs for fold in _folds(run) or [run]]
    members = iter(predictor.members)
    groups = [[next(members) for _ in run.members or [run]] for run in apart]
    judgement, validation = _fit(apart, groups, predictor, how.batch_size)
    return Panel(predictor, judgement, validation.assign(split="val"))


def predict_split(runs: Sequence[RunDir], split: str, how: Inference) -> Predicted:
    """Return the predictions of one split of the first run's manifest.

    Raises:
        ConfigError: If the run has no such split.
        DataError: If a member was trained on images or patients of the split.
    """
    manifest = run_manifest(runs[0])
    if not len(manifest.split(split)):
        raise ConfigError(
            f"The run {runs[0].path} has no split {split!r}.",
            expected="train, val or test",
            found=split,
        )
    if split != "train":
        _refuse_folds(runs[0], manifest.split(split))
    if split == "test":
        _refuse_leak(runs, manifest.split(split))
    panel = assemble(runs, how)
    members = panel.predictor.members
    batches = batches_of(members, manifest.split(split), manifest, how.batch_size)
    cases, logit_MVSN = panel.predictor.through(batches)
    table = cases.assign(split=split).join(panel.columns(logit_MVSN))
    return Predicted(table, panel.threshold, panel.notes, panel.validation)


def run_manifest(run: RunDir) -> Manifest:
    """Return the manifest that a run left, with its splits."""
    return Record(run).manifest


def _fit(
    runs: Sequence[RunDir],
    groups: Sequence[Sequence[TrainedModel]],
    predictor: Predictor,
    batch_size: int,
) -> tuple[Judgement, pd.DataFrame]:
    """Fit the judgement on validation images that no member has trained on, and judge them."""
    manifest = run_manifest(runs[0])
    val = manifest.split("val")
    common = val[~_trained_on(runs[1:], runs[0], val)]
    settings, passes = predictor.members[0].settings, predictor.passes
    # What the first training chose by itself stands in its judgement.
    own = predictor.members[0].judged.calibrator.name
    calibration = own if settings.calibration == "auto" else settings.calibration
    fitted: dict[str, Any] = {"calibration": calibration, "rule": settings.threshold}
    if common.empty or common["label"].value_counts().reindex([0, 1], fill_value=0).min() < min(
        FEWEST, val["label"].value_counts().min()
    ):
        return _fit_apart(runs, groups, predictor, batch_size, **fitted)
    batches = batches_of(predictor.members, common, manifest, batch_size)
    cases, logit_MVSN = predictor.through(batches)
    alone = [member.judged for member in predictor.members]
    found = fit_judgement(passes, logit_MVSN, cases["label"], alone=alone, **fitted)
    validation = cases.join(combine(logit_MVSN, [each.calibrator for each in alone], found))
    left = len(val) - len(common)
    if left:
        note = Notice("left_for_leaks", left=left, of=len(val))
        return replace(found, notes=(note,)), validation
    return found, validation


def _fit_apart(
    runs: Sequence[RunDir],
    groups: Sequence[Sequence[TrainedModel]],
    predictor: Predictor,
    batch_size: int,
    **fitted: Any,
) -> tuple[Judgement, pd.DataFrame]:
    """Fit on each run's own validation images, as it alone predicts them: folds share none."""
    passes = predictor.passes
    if passes.vote not in FROM_SHARES:
        raise ConfigError(
            f"vote={passes.vote} is fitted on validation, and these runs share no validation images "
            "that none of them was trained on.",
            expected=f"vote={' | '.join(FROM_SHARES)}",
            found=f"vote={passes.vote}",
        )
    tables, parts = [], []
    for run, members in zip(runs, groups, strict=True):
        manifest = run_manifest(run)
        alone = Predictor(members, passes, predictor.device)
        batches = batches_of(members, manifest.split("val"), manifest, batch_size)
        cases, logit_MVSN = alone.through(batches)
        p_MVSN = probabilities(logit_MVSN, [member.calibrator for member in members])
        tables.append(cases)
        parts.append(log_odds(p_MVSN.mean(0, keepdims=True), CLIP))
    cases, logit_1VSN = pd.concat(tables, ignore_index=True), np.concatenate(parts, axis=-1)
    # What each run says stands for one member, calibrated already.
    one = Judgement.of_one(Calibrator(), fixed_threshold(0.5))
    soft = replace(passes, vote="soft")
    found = fit_judgement(soft, logit_1VSN, cases["label"], alone=[one], **fitted)
    validation = cases.join(combine(logit_1VSN, [one.calibrator], found))
    models = [member for group in groups for member in group]
    thresholds = tuple(model.threshold.value for model in models) if passes.vote == "hard" else ()
    note = Notice("apart")
    whole = replace(
        found,
        passes=passes,
        combination=Combination(passes.vote, thresholds=thresholds),
        merges=found.merges * len(models),
        notes=(note,),
    )
    return whole, validation


def _refuse_leak(runs: Sequence[RunDir], rows: pd.DataFrame) -> None:
    for run in runs[1:]:
        seen = int(_trained_on([run, *_folds(run)], runs[0], rows).sum())
        if seen:
            raise DataError(
                f"{run.path} was trained on test patients of {runs[0].path}.",
                expected="runs with the same test split, or with test patients that none trained on",
                found=f"{seen} of {len(rows)} test images",
                remedy="train the runs with the same data.split=FILE or data.split_seed; folds of a "
                "cross-validation are judged by its own report",
            )


def _refuse_folds(run: RunDir, rows: pd.DataFrame) -> None:
    trained = [run_manifest(fold).split("train")["path"] for fold in _folds(run)]
    seen = int(rows["path"].isin(pd.concat(trained)).sum()) if trained else 0
    if seen:
        raise DataError(
            f"The folds of {run.path} were trained on these images, each on those of the others.",
            expected="images that no fold was trained on",
            found=f"{seen} of {len(rows)} images",
            remedy="leave out what differs from training (votes, views, passes): the report of the "
            "folds judges each image by the one that did not see it",
        )


def _folds(run: RunDir) -> list[RunDir]:
    """Return the runs that a cross-validation is made of; none of another run."""
    return run.members if run.folds.is_file() else []


def _trained_on(
    others: Sequence[RunDir], first: RunDir, rows: pd.DataFrame
) -> npt.NDArray[np.bool_]:
    """Say of each row whether its image or patient is in the training split of another run.

    Patients are compared only between runs on the same data: elsewhere the same name may well mean
    another person.
    """
    known = np.zeros(len(rows), dtype=np.bool_)
    for other in others:
        train = run_manifest(other).split("train")
        if _data_of(other) == _data_of(first):
            known |= rows["patient_id"].isin(train["patient_id"]).to_numpy()
        known |= rows["path"].isin(train["path"]).to_numpy()
    return known


def _data_of(run: RunDir) -> tuple[Any, ...]:
    data = run_settings(run).data
    return data.source, data.root


def batches_of(
    members: Sequence[TrainedModel], rows: pd.DataFrame, manifest: Manifest, batch_size: int
) -> Any:
    """Return the batches of some rows of a manifest, at the size of the largest member."""
    largest = max(members, key=lambda member: member.image_size)
    chosen = manifest.with_table(rows.assign(split="test"))
    cache = cache_images(chosen, largest.settings.data)
    loaders = XrayDataModule(chosen, cache, augment=None, batch_size=batch_size)
    return loaders.loader("test")
