"""The settings of ``medcnn export``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medcnn.data.settings import Moved
from medcnn.settings.fields import setting

INTENDED_USE = (
    "Research on the two-class reading of frontal chest radiographs, of the kind that it was trained "
    "on. Not a medical device: nobody may be treated, or left untreated, by its answer."
)


@dataclass(frozen=True)
class Export:
    """``medcnn export``."""

    run: Path = setting(Path(), "RUN_DIR of a finished classifier or ensemble", required=True)
    data: Moved = setting(Moved(), "the run's images")
    output: Path = setting(Path(), "the folder to make; there must be none yet", required=True)
    name: str | None = setting(None, "of the model in its card; null: the run's")
    intended_use: str = setting(INTENDED_USE, "what the card says that it is for")
    single_pass: bool = setting(
        False,
        "of a run with tta or mc_samples: true: export one plain look, judged anew",
    )
    images: int = setting(
        500,
        "validation images that the graph has to answer like the network",
        low=1,
        high=1_000_000,
    )
    batch_size: int = setting(64, "images that go through the network together", low=1, high=65536)
