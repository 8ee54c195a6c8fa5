"""Fitting of the members of a run, one or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd
import torch

from medcnn.console import say, warn
from medcnn.data.datamodule import XrayDataModule
from medcnn.data.preparation import Prepared
from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.measures import headline
from medcnn.inference.loading import TrainedModel, load_members, load_model, load_weights, recipe
from medcnn.inference.predictor import Predictor
from medcnn.inference.runs import passes_of
from medcnn.inference.settings import AskedViews
from medcnn.predictions import write_predictions
from medcnn.processes.together import Task, outcomes, raise_failed
from medcnn.processes.voice import is_beside_others
from medcnn.record.record import read_curves
from medcnn.run.command import asked, repeating
from medcnn.run.directory import RunDir, atomic_path, write_text
from medcnn.run.faults import foreseen
from medcnn.run.journal import Journal
from medcnn.run.minutes import Minutes, take_over
from medcnn.run.place import held
from medcnn.run.settings import write_settings
from medcnn.settings.grammar import written
from medcnn.training.callbacks.snapshots import Snapshots
from medcnn.training.completion import Fitted, complete, judge, prediction_device
from medcnn.training.fitting import build_datamodule, train
from medcnn.training.loggers import log_outcome, numbers_of
from medcnn.training.settings import Settings
from medcnn.training.sharing import places
from medcnn.training.threads import computing_with


def fit(settings: Settings, prepared: Prepared, run: RunDir, journal: Journal) -> Fitted:
    """Train every member that is not yet trained, judge them on validation, and predict test.

    One model is the only member of its run. Of several, each is a run directory of its own under
    ``members/``, so that a killed run goes on with the member that it was at.
    """
    if settings.ensemble.members == 1:
        models = [_fit_alone(settings, prepared, run, journal)]
    else:
        of_kind = {"seeds": _fit_seeds, "snapshots": _fit_snapshots}
        of_kind[settings.ensemble.kind](settings, prepared, run, journal)
        models = load_members(run)
        _join_curves(run)
    with journal.stage("predict"):
        data, device = build_datamodule(settings, prepared), prediction_device(settings)
        return complete(settings, models, data, run, journal, device)


def _fit_alone(
    settings: Settings, prepared: Prepared, run: RunDir, journal: Journal
) -> TrainedModel:
    """Train one model; where it is seen in several passes, it is judged by a single one first."""
    if passes_of(AskedViews(), settings).single:
        train(settings, prepared, build_datamodule(settings, prepared), run, journal)
        return load_weights(run)
    if not run.judgement.is_file():
        _fit_member(_alone(settings), prepared, run, journal)
    return load_model(run)


def _fit_seeds(settings: Settings, prepared: Prepared, run: RunDir, journal: Journal) -> None:
    """Train members that differ in weights, order of images, augmentation and dropout.

    Raises:
        MedcnnError: If a member failed; the others are trained and kept.
    """
    numbers = range(settings.ensemble.members)
    left = [number for number in numbers if not run.member(number).judgement.is_file()]
    threads = torch.get_num_threads()
    known = journal.facts["warnings"]
    tasks = [
        Task(
            f"member {number + 1}",
            partial(_fit_seed, settings, prepared, run, number, threads, known, asked()),
        )
        for number in left
    ]
    room, done = places(settings, len(tasks), threads), []
    with journal.stage("train"):
        for number, outcome in zip(left, outcomes(tasks, room), strict=True):
            done.append(outcome)
            take_over(journal, run.member(number))
    raise_failed(done, remedy=f"mend that, then  medcnn train {written('resume', run.path)}")
    for number in numbers:
        take_over(journal, run.member(number))


def _fit_seed(
    settings: Settings,
    prepared: Prepared,
    run: RunDir,
    number: int,
    threads: int,
    known: Sequence[str],
    words: Sequence[str],
) -> None:
    """Train one member, in this process or in one of its own."""
    member, own = run.member(number), replace(_alone(settings), seed=settings.seed + number)
    place = "" if is_beside_others() else f"member {number + 1} of {settings.ensemble.members}, "
    say(f"{place}seed {own.seed}")
    with (
        repeating(words),
        held(member),
        foreseen(member.path, own.data.batch_size),
        computing_with(threads),
    ):
        _begin(member, own, run)
        _fit_member(own, prepared, member, Minutes(member, known, echo=warn))


def _fit_snapshots(settings: Settings, prepared: Prepared, run: RunDir, journal: Journal) -> None:
    """Train once over several cycles of the learning rate; the end of each is a member."""
    members = [run.member(number) for number in range(settings.ensemble.members)]
    if all(member.judgement.is_file() for member in members):
        return
    own = _alone(settings)
    for member in members:
        _begin(member, own, run)
    # Every cycle has to be gone through: the loss rises when the rate does.
    patient = replace(own, callbacks=replace(own.callbacks, patience=100_000))
    data = build_datamodule(patient, prepared)
    paths = [member.best_checkpoint for member in members]
    snapshots = Snapshots(settings.scheduler.build(), paths, recipe(settings))
    train(patient, prepared, data, run, journal, snapshots)
    run.best_checkpoint.unlink(missing_ok=True)  # of the one training, and of no member
    for number, member in enumerate(members):
        say(f"calibrating the snapshot after cycle {number + 1} of {len(members)}")
        _judge_member(own, data, member)


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
    train(settings, prepared, data, member, journal)
    _judge_member(settings, data, member)


def _judge_member(settings: Settings, data: XrayDataModule, member: RunDir) -> None:
    predictor = Predictor(
        [load_weights(member)], passes_of(AskedViews(), settings), prediction_device(settings)
    )
    val, judgement = judge(settings, predictor, data, member)
    write_predictions(val, member.predictions("val"))
    if settings.logger:  # of validation: test is looked at once, by all of them together
        found = headline(cases_of(val), judgement.threshold.value, level=0.95)
        files = (member.best_checkpoint, member.judgement)
        log_outcome(settings, member, numbers_of(found, "val"), files)


def _join_curves(run: RunDir) -> None:
    """Leave the learning curves of all members in one table."""
    if run.metrics.is_file():  # of the one training that snapshots were taken of
        return
    curves = [
        read_curves(member.metrics).assign(member=number)
        for number, member in enumerate(run.members)
    ]
    with atomic_path(run.metrics) as temporary:
        pd.concat(curves).to_csv(temporary, index=False)
