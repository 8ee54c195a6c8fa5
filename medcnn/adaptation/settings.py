"""The settings of the commands that take a trained run elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medcnn.data.settings import SEED, Data
from medcnn.inference.settings import DEVICE
from medcnn.metrics.rules import parse_rule
from medcnn.settings.fields import setting

MOST = 100_000


def _shares(values: tuple[float, ...]) -> bool:
    return len(values) <= 2 and all(0 <= value < 1 for value in values)


@dataclass(frozen=True)
class ShiftAsked:
    """``medcnn shift``."""

    run: Path = setting(Path(), "RUN_DIR", required=True)
    input: Path = setting(
        Path(), "a file or a folder of images without labels, searched recursively", required=True
    )
    output: Path | None = setting(
        None, "folder of shift.json and shift.html; null: RUN_DIR/shift/ and the input's name"
    )
    images: int = setting(
        1000, "images that are looked at, at most; drawn at random from more", low=2, high=MOST
    )
    prevalence: tuple[float, ...] = setting(
        (),
        "the share of abnormal images here where it is known: 0.1 or [0.05,0.2]; null: not known",
        holds=_shares,
        expected="one prevalence or two, from 0 to below 1",
    )
    permutations: int = setting(
        499, "exchanges of patients that the p-values rest on", low=99, high=99_999
    )
    level: float = setting(0.95, "of the intervals", above=0, below=1)
    batch_size: int = setting(64, "images that go through the network together", low=1, high=65536)
    device: str = setting("auto", **DEVICE)
    seed: int = setting(0, "of whatever is drawn", **SEED)
    language: Literal["en", "de"] | None = setting(None, "of the page; null: that of the run")

    @property
    def known(self) -> tuple[float, float] | None:
        """The prevalence here, low and high; None where it is not known."""
        return (min(self.prevalence), max(self.prevalence)) if self.prevalence else None


def _rule(rule: float | str) -> float | str:
    parse_rule(rule)
    return rule


@dataclass(frozen=True)
class Network:
    """What of the network itself is fitted to the images of elsewhere."""

    batch_norm: bool = setting(
        False, "BatchNorm's statistics over all images there, without their labels (AdaBN)"
    )
    head: bool = setting(
        False, "the last layer on the labelled images, as far as left-out ones show that it helps"
    )


@dataclass(frozen=True)
class AdaptAsked:
    """``medcnn adapt``."""

    run: Path = setting(Path(), "RUN_DIR; it stays as it is", required=True)
    data: Data | None = setting(
        None, "the labelled images of elsewhere: data=folder data.root=PATH"
    )
    split: str | None = setting(None, "one of the release's own splits; null: all images")
    labels: Literal["all"] | int = setting(
        200,
        "labelled images to fit to, drawn by patient; the rest is the test; all: no rest",
        low=1,
    )
    calibrator: Literal["auto", "intercept", "platt"] = setting(
        "auto", "what moves: the intercept, or slope and intercept; auto: by the number of cases"
    )
    threshold: float | str | None = setting(
        None, "a rule or a number; null: the run's own rule, chosen again", parse=_rule
    )
    adapt: Network = setting(Network(), "what of the network is fitted too")
    width: float = setting(
        0.1, "wanted full width of the intervals, for the number of cases", above=0, below=1
    )
    output: Path | None = setting(
        None, "the new run directory; null: beside the run, with _adapted_ and the number of labels"
    )
    batch_size: int = setting(64, "images that go through the network together", low=1, high=65536)
    device: str = setting("auto", **DEVICE)
    seed: int = setting(0, "of the draw of the labelled cases and of their folds", **SEED)
    language: Literal["en", "de"] | None = setting(None, "of the report; null: that of the run")
