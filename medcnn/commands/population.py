"""``medcnn population``: a run with BatchNorm's population statistics, as a run of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig

from medcnn.commands.settings import Population
from medcnn.console import say, warn
from medcnn.data.preparation import Prepared, cache_images
from medcnn.errors import ConfigError
from medcnn.inference.device import choose_device
from medcnn.metrics.auroc import auroc_value
from medcnn.notices import Notice
from medcnn.record.record import Record
from medcnn.reporting.report import write_report
from medcnn.reporting.summary import announce
from medcnn.run.directory import RunDir
from medcnn.run.entries import read_entries
from medcnn.run.journal import Journal
from medcnn.run.place import check_single, new_run
from medcnn.settings.composition import read_config
from medcnn.training.settings import Settings, settings_of
from medcnn.training.story import conclude


def run(cfg: DictConfig) -> RunDir:
    """Re-estimate, calibrate and test anew, and return the new run directory.

    Raises:
        ConfigError: If the run is an ensemble or no classifier, or an option is none.
        UserError: If there is a run at the output already.
    """
    # torch and Lightning: seconds
    from medcnn.inference.batch_statistics import load_trained, restate
    from medcnn.inference.loading import load_weights
    from medcnn.training.completion import complete
    from medcnn.training.fitting import build_datamodule

    asked = read_config(Population, cfg)
    device = choose_device(asked.device)
    source = RunDir.open(asked.run, asked.data.root)
    settings, record = _check(source), Record(source)
    target = new_run(asked.output or source.path / "population")
    before = record.predictions("val")
    manifest = record.manifest
    model, checkpoint = load_trained(source, len(manifest.split("train")))
    journal = _begin(source, target, settings.seed)
    with journal.stage("data"):
        prepared = Prepared(manifest, cache_images(manifest, settings.data), None)
    with journal.stage("population"):
        data = build_datamodule(settings, prepared)
        found = restate(model, checkpoint, data, asked.batches, device)
        journal.note(population_statistics={"from": str(source.path), "layers": found.layers})
        found.write(target.best_checkpoint)
    with journal.stage("predict"):
        fitted = complete(settings, [load_weights(target)], data, target, journal, device)
    journal.warn(Notice("restated", run=str(source.path)))
    results = conclude(target, settings, manifest, fitted, journal)
    journal.finish()
    write_report(target, results, language=asked.language or settings.language)
    say(f"re-estimated {len(found.layers)} batch normalisations")
    say(f"validation   {_score(before)} before, {_score(fitted.val)} now")
    announce(results, target.report)
    return target


def _check(source: RunDir) -> Settings:
    check_single(source, "; its members have statistics of their own")
    settings = settings_of(source)
    if settings.task != "classification" or not source.results.is_file():
        raise ConfigError(
            f"{source.path} is not a finished classifier.",
            expected="a run with results.json, of task=classification",
            found=f"task={settings.task}, {'with' if source.results.is_file() else 'no'} results.json",
            remedy="take one that ended; train encoders with callbacks.population_statistics=true",
        )
    if not settings.views.once:
        raise ConfigError(
            f"{source.path} looks at each image several times, which is fitted on its statistics.",
            expected="a run of tta=none mc_samples=0",
            found=f"tta={settings.views.tta} mc_samples={settings.views.mc_samples}",
            remedy="train with callbacks.population_statistics=true",
        )
    return settings


def _begin(source: RunDir, target: RunDir, seed: int) -> Journal:
    """Take over what stays as it was, and return the journal of the rest."""
    target.path.mkdir(parents=True, exist_ok=True)
    for name in ("manifest", "audit", "metrics", "environment", "config"):
        before: Path = getattr(source, name)
        if before.is_file():
            shutil.copyfile(before, getattr(target, name))
    known = read_entries(source).content
    journal = Journal(target, seed=seed, echo=warn)
    journal.facts["resumed"] = known.get("resumed", 0)
    own = {*journal.facts, "hashes", "checkpoint_sha256"}
    journal.note(**{key: value for key, value in known.items() if key not in own})
    return journal


def _score(table: pd.DataFrame) -> str:
    return f"AUROC {auroc_value(table['label'].to_numpy(), table['p_abnormal'].to_numpy()):.4f}"
