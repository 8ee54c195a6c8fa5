"""``medcnn features``: the features of a run's images, or of a folder, as a Parquet or CSV table."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from medcnn.console import say, warn
from medcnn.data.checks import check_path
from medcnn.inference.device import check_device
from medcnn.inference.settings import Features
from medcnn.run.directory import RunDir, atomic_path
from medcnn.run.place import check_single
from medcnn.settings.composition import read_config


def run(cfg: DictConfig) -> Any:
    """Write the table that the configuration asks for, and return it.

    Raises:
        ConfigError: If an option is none, or a package for the file format is missing.
    """
    options = read_config(Features, cfg)
    check_device(options.device)
    directory, output = RunDir.open(options.run, options.data.root), options.output
    _check(options, directory)
    from medcnn.inference.features import extract  # torch: seconds

    found = extract(directory, options)
    for text in found.warnings:
        warn(text)
    with atomic_path(output) as temporary:
        if output.suffix == ".csv":
            found.table.to_csv(temporary, index=False, float_format="%.9g")
        else:
            found.table.to_parquet(temporary, engine="pyarrow", index=False)
    where = f"of stage {options.stage}" if options.stage else "that the head reads"
    say(f"{len(found.table)} images, {found.width} features each, {where}")
    say(f"features     {output}")
    return found.table


def _check(options: Features, directory: RunDir) -> None:
    if options.input is not None:
        check_path(options.input, "input")
    check_single(directory, ", and features are of one network")
