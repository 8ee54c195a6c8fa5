"""``medcnn train``: one run, a fold of several, all of them, or what was begun."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from medcnn.crossvalidation.running import go_on, is_whole, join_if_complete, run_all
from medcnn.run_dir import RunDir
from medcnn.training import train_command


def run(cfg: DictConfig) -> RunDir:
    """Do what ``train.py`` was asked and return the directory of the run."""
    if cfg.resume is not None:
        before = RunDir.open(cfg.resume)
        if is_whole(OmegaConf.load(before.config)):
            return go_on(before)
    elif is_whole(cfg):
        return run_all(cfg)
    directory = train_command(cfg)
    join_if_complete(directory)
    return directory
