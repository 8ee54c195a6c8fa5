"""The settings of a search: how to search, beside everything that its trials train with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from medcnn.settings.fields import setting
from medcnn.training.settings import Settings

METHODS = ("grid", "random", "tpe", "coarse_to_fine")
SCORES: dict[str, Literal["maximize", "minimize"]] = {
    "val_auroc": "maximize",
    "val_loss": "minimize",
}
"""What a trial may be judged by: validation and nothing else."""
PRUNERS = ("median", "halving", "none")
COUNT = {"low": 1, "high": 100_000}


@dataclass(frozen=True)
class Search:
    """How to search."""

    method: str = setting("random", "how the next trial is chosen", choices=METHODS)
    space: Mapping[str, Any] = setting({}, "a key and its range, in Hydra's grammar")
    jobs: Literal["auto"] | int = setting(
        "auto", "trials at once; auto: as many as parallel says, one for another launcher", **COUNT
    )
    trials: int = setting(20, "in all, of every process that shares the study", **COUNT)
    score: str = setting(
        "val_auroc", "of the best epoch, on validation; never on test", choices=tuple(SCORES)
    )
    study: str = setting("xray", "the same name goes on with the same study")
    folder: Path = setting(Path("outputs/search"), "of the trials, study.db and search.html")
    storage: str | None = setting(
        None,
        "null: SQLite in the folder; postgresql://…: a database that machines share",
        address=True,
    )
    seed: int = setting(0, "of the draws", low=0, high=2**32 - 1)
    pruner: str = setting("median", "what stops trials that fall behind", choices=PRUNERS)
    data_fraction: float = setting(
        1.0, "part of the training patients that trials learn from", above=0, high=1
    )
    points: int = setting(3, "of each value in a grid", low=1, high=100)
    fine_trials: int = setting(
        9, "the fine grid is over as many of the most important values as this allows", **COUNT
    )
    keep_checkpoints: bool = setting(False, "of the trials")
    stage: str | None = setting(None, "set by the search itself …")
    trial: int | None = setting(None, "… for each of its trials", low=0)

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Whether the score is to be maximised or minimised."""
        return SCORES[self.score]

    @property
    def database(self) -> str:
        """The URL of the study's database, with the driver that the extra ``postgresql`` installs."""
        if self.storage is None:
            return f"sqlite:///{self.folder.resolve() / 'study.db'}"
        return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", self.storage)


@dataclass(frozen=True)
class SearchSettings(Settings):
    """Everything that a search follows from."""

    search: Search = setting(Search(), "how to search")

    @property
    def training(self) -> Settings:
        """What each of its trials trains with, but for what is searched."""
        return Settings(**{each.name: getattr(self, each.name) for each in fields(Settings)})
