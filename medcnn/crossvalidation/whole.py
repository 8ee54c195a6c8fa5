"""A configuration that asks for all folds by one command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medcnn.errors import ConfigError
from medcnn.settings import check

ALL = "all"


def is_whole(cfg: Any) -> bool:
    """Return whether a configuration asks for all folds."""
    return bool(OmegaConf.select(cfg, "data.fold") == ALL)


def fold_of(cfg: DictConfig, fold: int, path: Path | None = None) -> DictConfig:
    """Return the configuration of one fold, whose run goes to ``path``."""
    chosen = OmegaConf.create(OmegaConf.to_container(cfg, resolve=False))
    assert isinstance(chosen, DictConfig)  # noqa: S101  a mapping stays one
    OmegaConf.set_struct(chosen, False)
    chosen.data.fold = fold
    chosen.run_dir = None if path is None else str(path)
    return chosen


def check_whole(cfg: DictConfig) -> None:
    """Raise ConfigError if a configuration of all folds does not fit together."""
    folds = OmegaConf.select(cfg, "data.folds")
    if not isinstance(folds, int) or isinstance(folds, bool) or folds < 2:
        raise ConfigError(
            "data.fold=all needs the number of folds.",
            expected="for example data.folds=5 data.fold=all",
            found=f"data.folds={folds}",
        )
    if cfg.data.split:
        raise ConfigError(
            "A split file and folds exclude each other.",
            expected="data.split=null with data.fold=all",
            found=f"data.split={cfg.data.split}",
        )
    check(fold_of(cfg, 0))
