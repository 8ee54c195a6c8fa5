"""The group ``data``, checked as far as that needs no image: values that do not fit, absent files."""

from __future__ import annotations

from pathlib import Path

from medcnn.data.settings import PATIENT, Data
from medcnn.data.sources.chosen import check_sources
from medcnn.errors import ConfigError, DataError, nearest
from medcnn.files.remote import check_mounted


def check_data(data: Data) -> None:
    """Raise if the values of the group do not fit together or name absent files.

    Raises:
        ConfigError: If they do not fit together.
        DataError: If a folder or a file does not exist.
    """
    if data.val_fraction + data.test_fraction >= 0.95:
        raise ConfigError(
            "val_fraction and test_fraction leave nothing to train on.",
            expected="a sum below 0.95",
            found=f"{data.val_fraction} + {data.test_fraction}",
        )
    if data.fold is None and data.fold_by != PATIENT:
        raise ConfigError(
            "data.fold_by needs folds.",
            expected="data.fold=all, with data.folds=5 or one a source; data.fold=0 for one of them",
            found=f"data.fold_by={data.fold_by} data.fold=null",
        )
    if (data.fold is None) != (data.folds is None):
        raise ConfigError(
            "data.fold and data.folds go together.",
            expected="data.folds=5 data.fold=0 for one fold, data.fold=all for all of them",
            found=f"data.folds={data.folds} data.fold={data.fold}",
        )
    if data.folds is not None and data.fold not in range(data.folds):
        raise ConfigError(
            f"There is no fold {data.fold} of {data.folds}: they count from 0.",
            expected=f"data.fold from 0 to {data.folds - 1}, or all",
            found=f"data.fold={data.fold}",
        )
    if data.balance_by and data.balance != "sampler":
        raise ConfigError(
            "data.balance_by says what the sampler draws alike.",
            expected="data.balance=sampler with it",
            found=f"data.balance={data.balance} data.balance_by={list(data.balance_by)}",
        )
    _check_table(data)
    for name in check_sources(data):
        _check_place(data.roots[name], f"data.roots.{name}")
    _check_place(data.root, "data.root")
    _check_place(data.split, "data.split")
    _check_place(data.images, "data.images")


def _check_table(data: Data) -> None:
    """Refuse names of columns where no table is read that has them."""
    told = [f"columns.{name}" for name in data.columns.given()]
    told += ["images"] if data.images else []
    if told and "manifest" not in (data.name, *data.sources):
        raise ConfigError(
            f"data.{told[0]} is for a table of your own, and data={data.name} reads none.",
            expected="data=manifest data.root=FILE.csv",
            found=f"data={data.name} data.{told[0]}",
            remedy="choose data=manifest, or leave it out",
        )


def _check_place(path: str | None, key: str) -> None:
    if path:
        check_mounted(path, key)
        check_path(Path(path), key)


def check_path(path: Path, key: str) -> None:
    """Raise DataError if nothing is at ``path``, naming the part that does not exist."""
    if path.exists():
        return
    parent = path
    while not parent.exists() and parent != parent.parent:
        missing, parent = parent.name, parent.parent
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    guess = nearest(missing, names)
    raise DataError(
        f"{key} does not exist: {path}",
        expected="an existing file or folder",
        found=f"{parent} has no {missing!r}",
        remedy=f"did you mean {parent / guess}?" if guess else "check the path",
    )
