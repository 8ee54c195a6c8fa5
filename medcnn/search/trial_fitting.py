"""The training of a trial, which reports to its study after every epoch."""

from __future__ import annotations

import optuna
import pytorch_lightning as pl
import torch
from optuna.storages import RDBStorage

from medcnn.data.preparation import Prepared
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.search.settings import Search
from medcnn.search.study import make_pruner, open_storage, reached
from medcnn.training.fitting import build_datamodule, train
from medcnn.training.loggers import log_outcome
from medcnn.training.settings import Settings
from medcnn.training.tasks.faults import DivergenceError
from medcnn.training.threads import working_threads

FAULTS = (DivergenceError, torch.OutOfMemoryError)
"""What ends one trial without a score and leaves the others alone."""


class Progress(pl.Callback):
    """Tells the study the score of each epoch, and stops a trial that falls behind.

    Args:
        study: The study that the trial belongs to.
        storage: Its database.
        trial: The number of the trial in it.
        score: What it is judged by.
    """

    def __init__(self, study: optuna.Study, storage: RDBStorage, trial: int, score: str) -> None:
        self.study, self.storage, self.score, self.pruned = study, storage, score, False
        own = storage.get_study_id_from_name(study.study_name)
        self.trial = storage.get_trial_id_from_study_id_trial_number(own, trial)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report, and ask whether to go on."""
        value = trainer.callback_metrics.get(self.score)
        if value is None:
            return
        self.storage.set_trial_intermediate_value(self.trial, trainer.current_epoch, float(value))
        if self.study.pruner.prune(self.study, self.storage.get_trial(self.trial)):
            self.pruned = True
            trainer.should_stop = True

    def state_dict(self) -> dict[str, bool]:
        """Return whether it was stopped: a trial that goes on from its end trains no more."""
        return {"pruned": self.pruned}

    def load_state_dict(self, state_dict: dict[str, bool]) -> None:
        """Take that over."""
        self.pruned = state_dict["pruned"]


def fit_trial(
    settings: Settings,
    options: Search,
    prepared: Prepared,
    run: RunDir,
    journal: Journal,
) -> bool:
    """Train, or go on from the last whole epoch; return whether the trial was stopped for others."""
    name = f"{options.study}/{options.stage}" if options.stage else options.study
    storage = open_storage(options)
    study = optuna.load_study(study_name=name, storage=storage, pruner=make_pruner(options.pruner))
    assert options.trial is not None  # noqa: S101  the search gives every trial its number
    progress = Progress(study, storage, options.trial, options.score)
    with working_threads(settings, journal), reached():
        train(settings, prepared, build_datamodule(settings, prepared), run, journal, progress)
    return progress.pruned


def log_score(settings: Settings, run: RunDir, options: Search, score: float) -> None:
    """Give the loggers of a trial what it is judged by."""
    log_outcome(settings, run, {f"best_{options.score}": score}, (run.best_checkpoint,))
