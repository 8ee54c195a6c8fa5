"""A configuration that asks for all folds by one command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medcnn.errors import ConfigError
from medcnn.settings.composition import plain
from medcnn.training.settings import checked

ALL = "all"


def is_whole(cfg: DictConfig) -> bool:
    """Return whether a configuration asks for all folds."""
    return bool(OmegaConf.select(cfg, "data.fold") == ALL)


def fold_of(settings: Mapping[str, Any], fold: int, path: Path) -> dict[str, Any]:
    """Return the settings of one fold, whose run goes to ``path``."""
    return {**settings, "data": {**settings["data"], "fold": fold}, "run_dir": str(path)}


def check_whole(cfg: DictConfig) -> dict[str, Any]:
    """Return the configuration of all folds as plain values, all of them checked.

    Raises:
        ConfigError: If it does not fit together.
    """
    settings = plain(cfg)
    data = settings["data"]
    folds = data["folds"]
    if not isinstance(folds, int) or isinstance(folds, bool) or folds < 2:
        raise ConfigError(
            "data.fold=all needs the number of folds.",
            expected="for example data.folds=5 data.fold=all",
            found=f"data.folds={folds}",
        )
    if data["split"]:
        raise ConfigError(
            "A split file and folds exclude each other.",
            expected="data.split=null with data.fold=all",
            found=f"data.split={data['split']}",
        )
    first = checked({**settings, "data": {**data, "fold": 0}})
    return {**first, "data": data}
