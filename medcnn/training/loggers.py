"""Loggers beside ``metrics.csv``: one run of theirs for each run, fold, member and trial of ours.

A logger's run is known by what ``loggers.json`` in our run directory says, so that a training that
goes on goes on in it too, and the results are added to it when training is long over.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from pytorch_lightning.loggers import Logger, MLFlowLogger, WandbLogger

from medcnn.errors import ConfigError
from medcnn.evaluation.parts import Headline
from medcnn.evaluation.results import Results
from medcnn.files.plain import read_object
from medcnn.metrics.estimate import Estimate
from medcnn.run.directory import RunDir, write_json
from medcnn.settings.fields import Component
from medcnn.settings.reading import as_plain
from medcnn.training.logger_choice import chosen_loggers
from medcnn.training.settings import Settings

ESTIMATES = ("sensitivity", "specificity", "auroc")


@contextmanager
def opened(settings: Settings, run: RunDir) -> Iterator[list[Logger]]:
    """Yield the loggers of a run, with its configuration, and close them behind the block."""
    loggers: list[Logger] = []
    try:
        for each in chosen_loggers(settings.logger) if _speaks() else ():
            loggers.append(_build(each, settings, run))
            loggers[-1].log_hyperparams(as_plain(settings))
        yield loggers
    finally:
        for logger in loggers:
            logger.finalize("success")
            if isinstance(logger, WandbLogger):
                # Else the next run of this process would go on in this one.
                logger.experiment.finish()


def log_results(settings: Settings, run: RunDir, results: Results) -> None:
    """Give the loggers of a finished run its results, with intervals, its report and its weights."""
    files = (run.report, run.results, run.best_checkpoint)
    log_outcome(settings, run, numbers_of(results, results.split), files)


def numbers_of(found: Headline, split: str) -> dict[str, float]:
    """Return sensitivity, specificity and AUROC with the ends of their intervals, by name."""
    numbers: dict[str, float] = {}
    for name in ESTIMATES:
        numbers |= _with_ends(f"{split}_{name}", getattr(found, name))
    return numbers


def log_outcome(
    settings: Settings, run: RunDir, numbers: Mapping[str, float], files: Sequence[Path] = ()
) -> None:
    """Give the loggers of a run numbers and, where they take files, those that there are."""
    if not settings.logger:
        return
    with opened(settings, run) as loggers:
        for logger in loggers:
            logger.log_metrics(dict(numbers))
            _keep(logger, [path for path in files if path.is_file()])


def _with_ends(name: str, estimate: Estimate) -> dict[str, float]:
    if estimate.value is None:
        return {}
    found = {name: float(estimate.value)}
    if estimate.ci is not None:
        low, high = estimate.ci
        found |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return found


def _keep(logger: Logger, files: Sequence[Path]) -> None:
    if isinstance(logger, MLFlowLogger):
        for path in files:
            logger.experiment.log_artifact(logger.run_id, str(path))
    if isinstance(logger, WandbLogger) and files:
        import wandb  # what the logger is of

        artifact = wandb.Artifact(f"run-{logger.version}", type="run")
        for path in files:
            artifact.add_file(str(path))
        logger.experiment.log_artifact(artifact)


def _build(component: Component, settings: Settings, run: RunDir) -> Logger:
    kind = component.target.rpartition(".")[2]
    options: dict[str, Any] = {
        key: value for key, value in component.arguments.items() if value is not None
    }
    known = _known(run)
    if kind == "TensorBoardLogger":
        options.setdefault("save_dir", str(run.path))
    elif kind == "WandbLogger":
        options.setdefault("save_dir", str(run.path))
        options.setdefault("project", os.environ.get("WANDB_PROJECT") or "medcnn")
        known.setdefault("wandb", uuid.uuid4().hex[:8])
        options |= {"id": known["wandb"], "resume": "allow", "name": _label(settings, run)}
    elif kind == "MLFlowLogger":
        store = options.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
        if not store:
            store = f"sqlite:///{run.path.resolve()}/mlflow.db"
            options.setdefault("artifact_location", f"{run.path.resolve()}/mlflow")
        options["tracking_uri"] = store
        options.setdefault("run_name", _label(settings, run))
        if "mlflow" in known:
            options["run_id"] = known["mlflow"]
    with _begun_by_one(options.get("tracking_uri")):
        logger = _begin(Component(component.target, options))
        if isinstance(logger, MLFlowLogger) and logger.run_id is not None:
            known["mlflow"] = logger.run_id
    if known:
        write_json(run.loggers, known)
    return logger


def _begin(component: Component) -> Logger:
    from hydra.errors import HydraException

    try:
        logger: Logger = component.build()
    except HydraException as error:
        raise ConfigError(
            f"The logger {component.target.rpartition('.')[2]} cannot be begun.",
            expected="a server or file that can be reached, and options that it takes",
            found=" ".join(str(error.__cause__ or error).split())[:200],
            remedy="see to it, or give logger=none: metrics.csv is written in any case",
        ) from error
    return logger


@contextmanager
def _begun_by_one(store: str | None) -> Iterator[None]:
    """Let one process at a time open a store of MLflow's: two that make its tables break them."""
    if store is None:
        yield
        return
    name = hashlib.sha256(store.encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"medcnn-mlflow-{name}.lock"):
        yield


def _speaks() -> bool:
    """Return whether this process is the first of those that train one model, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def _label(settings: Settings, run: RunDir) -> str:
    """Return what a run is called: a member, a fold or a trial by that of the whole, too."""
    path = run.path.resolve()
    if path.parent.name in ("members", "trials"):
        return f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
    return f"{settings.name}/{path.name}"


def _known(run: RunDir) -> dict[str, str]:
    return {} if not run.loggers.is_file() else dict(read_object(run.loggers))
