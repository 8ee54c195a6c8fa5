"""The options of a search, checked before anything is imported or trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from medcnn.errors import ConfigError, unknown_name

METHODS = ("grid", "random", "tpe", "coarse_to_fine")
SCORES: dict[str, Literal["maximize", "minimize"]] = {
    "val_auroc": "maximize",
    "val_loss": "minimize",
}
"""What a trial may be judged by: validation and nothing else."""
PRUNERS = ("median", "halving", "none")


@dataclass(frozen=True)
class Options:
    """How to search; see ``configs/search/base.yaml``."""

    method: str
    score: str
    study: str
    folder: Path
    storage: str
    space: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 20
    seed: int = 0
    pruner: str = "median"
    data_fraction: float = 1.0
    points: int = 3
    fine_trials: int = 9
    keep_checkpoints: bool = False
    stage: str | None = None
    trial: int | None = None

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Whether the score is to be maximised or minimised."""
        return SCORES[self.score]


def read_options(raw: Mapping[str, Any]) -> Options:
    """Return the options under ``search``.

    Raises:
        ConfigError: If a name is unknown or a number is out of its range.
    """
    for what, key, known in (
        ("search", "method", METHODS),
        ("score of a search", "score", tuple(SCORES)),
        ("pruner", "pruner", PRUNERS),
    ):
        if raw[key] not in known:
            raise unknown_name(what, str(raw[key]), known)
    for key, low, high in (("trials", 1, 100_000), ("points", 1, 100), ("fine_trials", 1, 100_000)):
        value = raw.get(key, low)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ConfigError(
                f"search.{key} cannot be {value!r}.",
                expected=f"a whole number from {low} to {high}",
            )
    fraction = raw["data_fraction"]
    if not isinstance(fraction, (int, float)) or not 0 < fraction <= 1:
        raise ConfigError(
            f"search.data_fraction cannot be {fraction!r}.", expected="a number above 0, at most 1"
        )
    folder = Path(str(raw["folder"]))
    storage = raw["storage"] or f"sqlite:///{folder.resolve() / 'study.db'}"
    given = {name: raw[name] for name in Options.__dataclass_fields__ if name in raw}
    return Options(**given | {"folder": folder, "storage": storage})
