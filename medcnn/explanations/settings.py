"""What ``medcnn explain`` is asked, checked before torch is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medcnn.data.settings import SEED, Moved
from medcnn.explanations.names import check_method
from medcnn.inference.settings import DEVICE, Split
from medcnn.settings.fields import setting

ALL = "all"


def _named(methods: tuple[str, ...]) -> tuple[str, ...]:
    """Return the methods, each once.

    Raises:
        ConfigError: If there is none of that name, or it cannot be had here.
    """
    if methods != (ALL,):
        for method in methods:
            check_method(method)
    return tuple(dict.fromkeys(methods))


@dataclass(frozen=True)
class Explain:
    """How a run is explained."""

    run: Path = setting(Path(), "RUN_DIR", required=True)
    data: Moved = setting(Moved(), "the run's images")
    method: tuple[str, ...] = setting(
        (ALL,),
        "all that the backbone has, or [grad_cam,grad_cam_plus_plus,layer_cam,integrated_gradients,"
        "occlusion,attention_rollout]",
        parse=_named,
    )
    stage: str | None = setting(
        None, "whose maps a class activation map is made of; null: the deepest with 6×6 places"
    )
    split: Split = setting("test", "whose images")
    images: int = setting(
        32,
        "abnormal images to explain, at most; with a mask where the manifest has mask_path",
        low=2,
        high=100_000,
    )
    sanity: int = setting(
        12,
        "of these, explained again while the network forgets what it learnt; 0: none",
        low=0,
        high=1000,
    )
    marker: int = setting(
        64,
        "images with a burned-in marker, and as many without, that are changed; 0: none",
        low=0,
        high=100_000,
    )
    shown: int = setting(
        6, "images drawn, evenly from the highest probability to the lowest", low=0, high=100
    )
    steps: int = setting(10, "of the deletion and insertion curves", low=2, high=1000)
    exact: bool = setting(
        False, "the thousands of passes of occlusion, deletion and insertion in 32 bit too"
    )
    level: float = setting(
        0.95,
        "of the intervals",
        low=0.5,
        below=1,
        expected="a number from 0.5 to below 1, such as 0.95",
    )
    batch_size: int = setting(8, "images passed at once", low=1, high=4096)
    device: str = setting("auto", **DEVICE)
    seed: int = setting(0, "of every random choice", **SEED)
    language: Literal["en", "de"] | None = setting(None, "of the report; null: that of the run")

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of the explanations; empty for every one that the backbone has."""
        return () if self.method == (ALL,) else self.method


def check_explain(asked: Explain) -> Explain:
    """Return settings that fit together.

    Raises:
        ConfigError: If the one method that is asked for has no stage to choose.
    """
    if len(asked.methods) == 1:
        check_method(asked.methods[0], asked.stage)
    return asked
