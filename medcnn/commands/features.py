"""``medcnn features``: the features of a run's images, or of a folder, as a Parquet or CSV table."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.console import say, warn
from medcnn.data.checks import check_path
from medcnn.data.manifest import SPLITS
from medcnn.errors import ConfigError, require_pyarrow, unknown_name
from medcnn.inference.device import check_device
from medcnn.run.directory import RunDir, atomic_path
from medcnn.settings.composition import plain
from medcnn.settings.grammar import written

SUFFIXES = (".parquet", ".csv")


def run(cfg: DictConfig) -> Any:
    """Write the table that the configuration asks for, and return it.

    Raises:
        ConfigError: If an option is none, or a package for the file format is missing.
    """
    options = plain(cfg)
    check_device(options["device"])
    directory = RunDir.open(str(options["run"]))
    output = Path(str(options["output"]))
    _check(options, directory, output)
    extraction = importlib.import_module("medcnn.inference.features")  # torch: seconds
    found = extraction.extract(directory, options)
    for text in found.warnings:
        warn(text)
    with atomic_path(output) as temporary:
        if output.suffix == ".csv":
            found.table.to_csv(temporary, index=False, float_format="%.9g")
        else:
            found.table.to_parquet(temporary, engine="pyarrow", index=False)
    where = f"of stage {options['stage']}" if options["stage"] else "that the head reads"
    say(f"{len(found.table)} images, {found.width} features each, {where}")
    say(f"features     {output}")
    return found.table


def _check(options: dict[str, Any], directory: RunDir, output: Path) -> None:
    if output.suffix not in SUFFIXES:
        raise ConfigError(
            f"Features cannot be written as {output.suffix or 'a file without a suffix'}.",
            expected=f"output=FILE{' or FILE'.join(SUFFIXES)}",
            found=str(output),
        )
    if output.suffix == ".parquet":
        require_pyarrow("output=FILE.csv")
    if options["split"] not in ("all", *SPLITS):
        raise unknown_name("split", str(options["split"]), ("all", *SPLITS))
    size = options["batch_size"]
    if not isinstance(size, int) or size < 1:
        raise ConfigError(f"batch_size cannot be {size!r}.", expected="a whole number from 1")
    if options["input"] is not None:
        check_path(Path(str(options["input"])), "input")
    if directory.members:
        raise ConfigError(
            f"{directory.path} is an ensemble, and features are of one network.",
            expected="a single model",
            found=f"{len(directory.members)} members",
            remedy=f"take one of them: {written('run', directory.member(0).path)}",
        )
