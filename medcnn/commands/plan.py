"""``medcnn plan``: how many positives and negatives a study needs."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from medcnn.console import say
from medcnn.errors import ConfigError
from medcnn.metrics.sample_size import plan
from medcnn.settings.composition import plain


def run(cfg: DictConfig) -> dict[str, Any]:
    """Print the sample size of a study and return it."""
    options = {key: value for key, value in plain(cfg).items() if value is not None}
    if not {"sensitivity", "specificity", "auroc"} & set(options):
        raise ConfigError(
            "plan needs what is expected.",
            expected="sensitivity=0.95 or specificity=0.90, and a width",
            found="neither",
        )
    found: dict[str, Any] = plan(**options).to_json()
    for name, value in found.items():
        shown = "; ".join(value) if isinstance(value, list) else value
        if shown is not None:
            say(f"{name.replace('_', ' '):12} {shown}")
    return found
