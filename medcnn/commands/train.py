"""``medcnn train``: one run, a fold of several, all of them, or what was begun."""

from __future__ import annotations

import importlib
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medcnn.crossvalidation.running import go_on, is_whole, join_if_complete, run_all
from medcnn.errors import ConfigError
from medcnn.run_dir import RunDir
from medcnn.training import train_command


def run(cfg: DictConfig) -> Any:
    """Do what ``train.py`` was asked and return the directory of the run, or a trial's score."""
    searching = OmegaConf.select(cfg, "search")
    if searching is not None:
        return _run_trial(cfg, searching)
    if cfg.resume is not None:
        before = RunDir.open(cfg.resume)
        if is_whole(OmegaConf.load(before.config)):
            return go_on(before)
    elif is_whole(cfg):
        return run_all(cfg)
    directory = train_command(cfg)
    join_if_complete(directory)
    return directory


def _run_trial(cfg: DictConfig, searching: DictConfig) -> Any:
    if searching.trial is None:
        raise ConfigError(
            "A search runs many trainings, and this is one.",
            expected="python train.py -m search=NAME …, on the command line",
            found=f"search={searching.method} in a single run",
        )
    return importlib.import_module("medcnn.search.trial").run_trial(cfg)
