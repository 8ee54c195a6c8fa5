"""A configuration that asks for all folds by one command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from medcnn.data.settings import LEAST_SOURCES
from medcnn.errors import ConfigError
from medcnn.training.settings import Settings, Tree, checked


def fold_of(settings: Settings, fold: int, path: Path) -> Settings:
    """Return the settings of one fold, whose run goes to ``path``."""
    return replace(settings, data=replace(settings.data, fold=fold), run_dir=str(path))


def check_whole(settings: Tree) -> Tree:
    """Return the settings of all folds, checked as those of one are.

    Raises:
        ConfigError: If they do not fit together.
    """
    data = settings.data
    if data.folds is None and not data.folds_by_source:
        raise ConfigError(
            "data.fold=all needs the number of folds.",
            expected="for example data.folds=5 data.fold=all",
            found="data.folds=null",
        )
    if data.split:
        raise ConfigError(
            "A split file and folds exclude each other.",
            expected="data.split=null with data.fold=all",
            found=f"data.split={data.split}",
        )
    first = checked(
        replace(settings, data=replace(data, fold=0, folds=data.folds or LEAST_SOURCES))
    )
    return replace(first, data=data)
