"""``medcnn train``: one run, a fold of several, all of them, or what was begun."""

from __future__ import annotations

import importlib
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medcnn.crossvalidation.whole import check_whole, is_whole
from medcnn.errors import ConfigError
from medcnn.run_dir import RunDir
from medcnn.settings import check


def run(cfg: DictConfig) -> Any:
    """Do what ``train.py`` was asked and return the directory of the run, or a trial's score."""
    searching = OmegaConf.select(cfg, "search")
    if searching is not None:
        return _run_trial(cfg, searching)
    before = None if cfg.resume is None else RunDir.open(cfg.resume)
    whole = is_whole(cfg if before is None else OmegaConf.load(before.config))
    if before is None:
        check_whole(cfg) if whole else check(cfg)
    # A wrong value was answered before the seconds that pandas, SciPy and Matplotlib take.
    folds = importlib.import_module("medcnn.crossvalidation.running")
    if whole:
        return folds.run_all(cfg) if before is None else folds.go_on(before)
    directory = importlib.import_module("medcnn.training").train_command(cfg)
    folds.join_if_complete(directory)
    return directory


def _run_trial(cfg: DictConfig, searching: DictConfig) -> Any:
    if searching.trial is None:
        raise ConfigError(
            "A search runs many trainings, and this is one.",
            expected="python train.py -m search=NAME …, on the command line",
            found=f"search={searching.method} in a single run",
        )
    return importlib.import_module("medcnn.search.trial").run_trial(cfg)
