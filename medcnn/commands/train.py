"""``medcnn train``: one run, a fold of several, all of them, or what was begun."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from medcnn.console import warn
from medcnn.crossvalidation.whole import check_whole
from medcnn.errors import ConfigError
from medcnn.run.directory import RunDir
from medcnn.settings.composition import read_config
from medcnn.settings.reading import as_plain
from medcnn.training.requirements import check_requirements
from medcnn.training.settings import Settings, checked, settings_of


def run(cfg: DictConfig) -> Any:
    """Do what ``train.py`` was asked and return the directory of the run, or a trial's score."""
    searching = OmegaConf.select(cfg, "search")
    if searching is not None:
        return _run_trial(cfg, searching)
    if cfg.resume is not None:
        return _go_on(RunDir.open(cfg.resume), cfg)
    asked = read_config(Settings, cfg)
    whole = asked.data.is_whole
    settings = check_whole(asked) if whole else checked(asked)
    check_requirements(settings)
    # A wrong value was answered before the seconds that pandas, SciPy and Matplotlib take.
    from medcnn.crossvalidation import running as folds

    if whole:
        return folds.run_all(settings)
    from medcnn.training import story

    directory = story.run(settings)
    folds.join_if_complete(directory)
    return directory


def _go_on(directory: RunDir, cfg: DictConfig) -> RunDir:
    begun = settings_of(directory)
    check_requirements(begun)
    for text in _unused(cfg, OmegaConf.create(as_plain(begun))):
        warn(f"{text} is not used: {directory.path} goes on as it was begun.")
    from medcnn.crossvalidation import running as folds

    if begun.data.is_whole:
        whole: RunDir = folds.go_on(directory)
        return whole
    from medcnn.training import story

    story.resume(directory)
    folds.join_if_complete(directory)
    return directory


def _unused(cfg: DictConfig, begun: DictConfig) -> Iterator[str]:
    """Yield the values on the command line that are not those which the run was begun with."""
    if not HydraConfig.initialized():
        return
    for text in HydraConfig.get().overrides.task:
        key = text.lstrip("+").partition("=")[0]
        given = None if key == "resume" else OmegaConf.select(cfg, key)
        is_value = given is not None and not isinstance(given, DictConfig)
        if is_value and given != OmegaConf.select(begun, key):
            yield text


def _run_trial(cfg: DictConfig, searching: DictConfig) -> Any:
    if searching.trial is None:
        raise ConfigError(
            "A search runs many trainings, and this is one.",
            expected="medcnn train -m search=NAME …, on the command line",
            found=f"search={searching.method} in a single run",
        )
    from medcnn.search.trial import run_trial

    return run_trial(cfg)
