"""Fitting of several members, or of one that is looked at in several passes: one run, one answer."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import torch

from medcnn.console import say
from medcnn.data.preparation import Prepared
from medcnn.evaluation.knobs import fewer, knob_results
from medcnn.inference.ensemble import Predictor, fit_judgement, judge
from medcnn.inference.loading import TrainedModel, is_calibrated, load_model, read_checkpoint
from medcnn.inference.passes import passes_of
from medcnn.predictions import write_predictions
from medcnn.run.directory import RunDir, atomic_path, write_text
from medcnn.run.journal import Journal
from medcnn.run.settings import write_settings
from medcnn.training.callbacks.snapshots import Snapshots
from medcnn.training.fitting import (
    Fitted,
    build_datamodule,
    calibrate,
    flag_foreign,
    take_best,
    train,
)
from medcnn.training.settings import Settings


def fit(settings: Settings, prepared: Prepared, run: RunDir, journal: Journal) -> Fitted:
    """Train every member that is not yet trained, combine them on validation, and predict test.

    Each member is a run directory of its own under ``members/``, so that a killed run goes on with
    the member that it was at.
    """
    count = settings.ensemble.members
    if count == 1:
        if not is_calibrated(run):
            _fit_member(settings, prepared, run, journal)
    elif settings.ensemble.kind == "snapshots":
        _fit_snapshots(settings, prepared, run, journal)
    else:
        _fit_seeds(settings, prepared, run, journal)
    models = [load_model(member) for member in run.members or [run]]
    if run.members:
        _join(run)
    with journal.stage("predict"):
        return _combine(settings, prepared, models, run, journal)


def _fit_seeds(settings: Settings, prepared: Prepared, run: RunDir, journal: Journal) -> None:
    """Train members that differ in weights, order of images, augmentation and dropout."""
    count = settings.ensemble.members
    for number in range(count):
        member = run.member(number)
        if is_calibrated(member):
            continue
        own = replace(_alone(settings), seed=settings.seed + number)
        say(f"member {number + 1} of {count}, seed {own.seed}")
        _begin(member, own, run)
        _fit_member(own, prepared, member, journal)


def _fit_snapshots(settings: Settings, prepared: Prepared, run: RunDir, journal: Journal) -> None:
    """Train once over several cycles of the learning rate; the end of each is a member."""
    members = [run.member(number) for number in range(settings.ensemble.members)]
    if all(is_calibrated(member) for member in members):
        return
    own = _alone(settings)
    for member in members:
        _begin(member, own, run)
    # Every cycle has to be gone through: the loss rises when the rate does.
    patient = replace(own, callbacks=replace(own.callbacks, patience=100_000))
    data = build_datamodule(patient, prepared)
    paths = [member.best_checkpoint for member in members]
    snapshots = Snapshots(settings.scheduler.build(), paths)
    task = train(patient, prepared, data, run, journal, snapshots)
    for number, member in enumerate(members):
        say(f"calibrating the snapshot after cycle {number + 1} of {len(members)}")
        val, _, _ = calibrate(own, task, data, member, take_best(task, member))
        write_predictions(val, member.predictions("val"))


def _begin(member: RunDir, settings: Settings, run: RunDir) -> None:
    """Make a member a run of its own, which evaluate and predict take like any other."""
    write_settings(member, settings)
    write_text(member.manifest, run.manifest.read_text(encoding="utf-8"))


def _alone(settings: Settings) -> Settings:
    """Return the settings of a member: of one model that is looked at once."""
    ensemble = replace(settings.ensemble, members=1)
    return replace(
        settings, ensemble=ensemble, views=replace(settings.views, tta="none", mc_samples=0)
    )


def _fit_member(settings: Settings, prepared: Prepared, member: RunDir, journal: Journal) -> None:
    data = build_datamodule(settings, prepared)
    task = train(settings, prepared, data, member, journal)
    val, _, _ = calibrate(settings, task, data, member, take_best(task, member))
    write_predictions(val, member.predictions("val"))


def _combine(
    settings: Settings,
    prepared: Prepared,
    models: list[TrainedModel],
    run: RunDir,
    journal: Journal,
) -> Fitted:
    data = build_datamodule(settings, prepared)
    predictor = Predictor(models, passes_of({}, settings))
    for text in predictor.notes:
        journal.warn(text[0].upper() + text[1:] + ".")
    cases, p_MVSN = predictor.through(data.val_dataloader())
    judgement = fit_judgement(
        predictor.passes,
        p_MVSN,
        cases["label"],
        calibration=settings.calibration,
        rule=settings.threshold,
        thresholds=[model.threshold.value for model in models],
    )
    judgement.save(run.judgement)
    val = cases.assign(split="val").join(judge(p_MVSN, judgement))
    test_cases, test_MVSN = predictor.through(data.test_dataloader())
    test = test_cases.assign(split="test").join(judge(test_MVSN, judgement))
    knobs = knob_results(test_cases, fewer(test_MVSN))
    if settings.out_of_distribution is not None:
        first = models[0]
        val, test = flag_foreign(settings, first, data, run, first.calibrator, val, test)
    calibrator = judgement.calibrator
    return Fitted(val, test, judgement.threshold, calibrator.temperature, calibrator, knobs)


def _join(run: RunDir) -> None:
    """Leave all members' weights in one checkpoint, and their learning curves in one table."""
    state: dict[str, torch.Tensor] = {}
    for number, member in enumerate(run.members):
        own = read_checkpoint(member.best_checkpoint)["state_dict"]
        state |= {f"members.{number}.{name}": value for name, value in own.items()}
    with atomic_path(run.best_checkpoint) as temporary:
        torch.save({"state_dict": state}, temporary)
    if run.metrics.is_file():  # of the one training that snapshots were taken of
        return
    curves = [
        pd.read_csv(member.metrics).assign(member=number)
        for number, member in enumerate(run.members)
    ]
    with atomic_path(run.metrics) as temporary:
        pd.concat(curves).to_csv(temporary, index=False)
