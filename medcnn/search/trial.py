"""One trial: a training that is judged on validation, between epochs and at its end.

The test split is taken out of the manifest before anything is built, so that no trial can look at it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from medcnn.console import warn
from medcnn.data.manifest import Manifest
from medcnn.data.preparation import Prepared, prepare
from medcnn.diagnosis.curves import read_curves
from medcnn.diagnosis.facts import Facts
from medcnn.diagnosis.rates import diverged
from medcnn.errors import ConfigError, MedcnnError
from medcnn.record.record import read_curves as read_metrics
from medcnn.run.directory import RunDir, write_json
from medcnn.run.journal import Journal
from medcnn.run.settings import write_settings
from medcnn.search.settings import Search, SearchSettings
from medcnn.settings.composition import plain
from medcnn.settings.reading import read
from medcnn.training.settings import Settings, checked


def run_trial(cfg: DictConfig) -> dict[str, Any]:
    """Train the one configuration of a trial and return its state and score.

    Returns:
        ``state`` (``complete``, ``pruned`` or ``failed``), ``score`` of the best epoch, ``epochs``,
        ``seconds`` and, for a trial without a score, its ``fault``.
    """
    settings = checked(read(SearchSettings, plain(cfg)))
    options = settings.search
    run = RunDir(Path(str(settings.run_dir)))
    write_settings(run, settings)
    journal = Journal(run, seed=settings.seed, echo=warn)
    with journal.stage("data"):
        prepared = prepare_trial(settings, options)
    started = time.perf_counter()
    from medcnn.search import trial_fitting as fitting  # torch: seconds

    try:
        pruned = fitting.fit_trial(settings, options, prepared, run, journal)
        result = _result(run, options, pruned)
    except fitting.FAULTS as error:
        text = str(error).splitlines()[0] if isinstance(error, MedcnnError) else "out of memory"
        result = {"state": "failed", "score": None, "fault": text}
    if settings.logger and result["score"] is not None:
        fitting.log_score(settings, run, options, result["score"])
    if not options.keep_checkpoints:
        for path in (run.best_checkpoint, run.last_checkpoint):
            path.unlink(missing_ok=True)
    result["seconds"] = round(time.perf_counter() - started, 1)
    write_json(run.path / "trial.json", result)
    return result


def prepare_trial(settings: Settings, options: Search) -> Prepared:
    """Return the data of a trial: no test split, and the part of training that it learns from.

    The first trial of a search audits the data, for all of them.
    """
    data = settings.data
    known = options.folder / "audit.json"
    if known.is_file() and not data.deduplicate:
        data = replace(data, audit="off")
    prepared = prepare(data, on_audit=lambda audit: write_json(known, audit.to_json()))
    manifest = without_test(prepared.manifest)
    manifest = part_of_training(
        manifest, options.data_fraction, seed=settings.seed, group=data.group
    )
    left = len(manifest.split("train"))
    if left < data.batch_size:
        raise ConfigError(
            "The trials have less than one batch of training images.",
            expected=f"at least data.batch_size={data.batch_size} images",
            found=f"{left} at search.data_fraction={options.data_fraction}",
            remedy="raise search.data_fraction, or lower data.batch_size",
        )
    return replace(prepared, manifest=manifest)


def without_test(manifest: Manifest) -> Manifest:
    """Return the manifest without its test rows."""
    return manifest.with_table(manifest.table[manifest.table["split"] != "test"])


def part_of_training(manifest: Manifest, fraction: float, *, seed: int, group: str) -> Manifest:
    """Return the manifest with a part of the training patients, of each class alike.

    Args:
        manifest: With its splits.
        fraction: Of the groups, above 0 and at most 1; at least one of each class stays.
        seed: Of the draw.
        group: The column of what stays together, such as ``patient_id``.
    """
    if fraction >= 1:
        return manifest
    train = manifest.split("train")
    label = train.groupby(group, sort=True)["label"].max()
    rng = np.random.default_rng(seed)
    kept: set[str] = set()
    for _, names in label.groupby(label):
        shuffled = rng.permutation(names.index.to_numpy())
        kept.update(shuffled[: max(round(fraction * len(shuffled)), 1)])
    table = manifest.table
    return manifest.with_table(table[(table["split"] != "train") | table[group].isin(kept)])


def _result(run: RunDir, options: Search, pruned: bool) -> dict[str, Any]:
    curves = read_metrics(run.metrics)
    scores = curves[options.score].dropna() if options.score in curves else pd.Series(dtype=float)
    if scores.empty:
        return {"state": "failed", "score": None, "fault": f"no {options.score} was ever recorded"}
    exploded = diverged(read_curves(curves), Facts())
    if exploded is not None:  # a ranking may look perfect on the way out
        return {"state": "failed", "score": None, "fault": exploded.evidence}
    best = scores.max() if options.direction == "maximize" else scores.min()
    return {
        "state": "pruned" if pruned else "complete",
        "score": float(best),
        "epochs": len(curves),
        "learning_curve": [round(float(value), 5) for value in scores],
    }
