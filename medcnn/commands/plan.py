"""``medcnn plan``: how many positives and negatives a study needs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from omegaconf import DictConfig

from medcnn.commands import settings
from medcnn.console import say
from medcnn.errors import ConfigError
from medcnn.metrics.sample_size import plan
from medcnn.settings.composition import read_config


def run(cfg: DictConfig) -> dict[str, Any]:
    """Print the sample size of a study and return it."""
    asked = read_config(settings.Plan, cfg)
    if asked.sensitivity is None and asked.specificity is None and asked.auroc is None:
        raise ConfigError(
            "plan needs what is expected.",
            expected="sensitivity=0.95 or specificity=0.90, and a width",
            found="neither",
        )
    found: dict[str, Any] = plan(**asdict(asked)).to_json()
    for name, value in found.items():
        shown = "; ".join(value) if isinstance(value, list) else value
        if shown is not None:
            say(f"{name.replace('_', ' '):12} {shown}")
    return found
