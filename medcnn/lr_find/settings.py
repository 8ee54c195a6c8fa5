"""The settings of a range test: those of a training, and the ramp of the rate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medcnn.errors import ConfigError
from medcnn.settings.fields import setting
from medcnn.training.requirements import check_classifier
from medcnn.training.settings import Settings, checked

RATE = {"above": 0, "high": 1e6}


@dataclass(frozen=True)
class RangeTest(Settings):
    """Everything that a range test follows from."""

    output: Path | None = setting(
        None, "folder for lr_find.json and lr_find.png; null: outputs/<name>/lr_find"
    )
    steps: int = setting(100, "optimiser steps of the ramp", low=20, high=1_000_000)
    lowest: float = setting(1e-7, "its first rate …", **RATE)
    highest: float = setting(10.0, "… and its last, if the loss does not explode before", **RATE)

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.output or Path("outputs") / self.name / "lr_find"


def checked_ramp(settings: RangeTest) -> RangeTest:
    """Return settings that fit together.

    Raises:
        ConfigError: If the ramp does not rise, or the task is not a classification.
    """
    if settings.lowest >= settings.highest:
        raise ConfigError(
            "The range test needs a rising rate.",
            expected="lowest below highest",
            found=f"lowest={settings.lowest} highest={settings.highest}",
        )
    check_classifier(settings, "lr-find")
    return checked(settings)
