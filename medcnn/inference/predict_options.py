"""The options of ``medcnn predict``, checked before anything heavy is loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcnn.calibration.options import read_safeguards
from medcnn.calibration.settings import Safeguards
from medcnn.errors import ConfigError, require_pyarrow

SUFFIXES = (".csv", ".parquet")
MOST_TOLERANCE = 0.2


@dataclass(frozen=True)
class PredictOptions:
    """What is asked for.

    Attributes:
        root: A file or a folder.
        output: A CSV or Parquet file.
        resume: Whether rows of an earlier, equal prediction are kept.
        exact: Whether every probability is computed in 32 bit by the network as it was trained.
        tolerance: By how much a probability may differ from the exact one.
        batch_size: Images that go through the network together.
        workers: Processes that read files; 0 reads in this one.
        seed: Of whatever is drawn.
        safeguards: Conformal sets, referral, correction of the prevalence.
    """

    root: Path
    output: Path
    resume: bool
    exact: bool
    tolerance: float
    batch_size: int
    workers: int
    seed: int
    safeguards: Safeguards


def read_predict_options(options: Mapping[str, Any]) -> PredictOptions:
    """Return the checked options of the command.

    Raises:
        ConfigError: If one cannot be, or the package for the output's format is missing.
    """
    output = Path(str(options["output"])).expanduser()
    _check_output(output)
    for name in ("resume", "exact"):
        if not isinstance(options[name], bool):
            raise ConfigError(f"{name} cannot be {options[name]!r}.", expected="true or false")
    tolerance = options["tolerance"]
    number = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool)
    if not number or not 0 < tolerance <= MOST_TOLERANCE:
        raise ConfigError(
            f"tolerance cannot be {tolerance!r}.",
            expected=f"a difference of probabilities above 0, at most {MOST_TOLERANCE}",
            remedy="for none at all give exact=true",
        )
    return PredictOptions(
        root=Path(str(options["input"])).expanduser(),
        output=output,
        resume=options["resume"],
        exact=options["exact"],
        tolerance=float(tolerance),
        batch_size=_whole(options["batch_size"], "batch_size", 1),
        workers=_workers(options["num_workers"]),
        seed=_whole(options["seed"], "seed", 0),
        safeguards=read_safeguards(options),
    )


def _check_output(output: Path) -> None:
    if output.suffix not in SUFFIXES or output.is_dir():
        raise ConfigError(
            f"Predictions cannot be written to {output}.",
            expected=f"output=FILE{' or FILE'.join(SUFFIXES)}",
            found="a folder" if output.is_dir() else output.suffix or "no ending",
        )
    if output.suffix == ".parquet":
        require_pyarrow("output=FILE.csv")


def _whole(value: Any, name: str, least: int) -> int:
    if type(value) is not int or value < least:
        raise ConfigError(f"{name} cannot be {value!r}.", expected=f"a whole number from {least}")
    return int(value)


def _workers(value: Any) -> int:
    if value != "auto":
        return _whole(value, "num_workers", 0)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 0 if (cores or 1) < 2 else int(cores or 1)
