"""``medcnn doctor``: what would go wrong with a file, a folder or this installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.console import say
from medcnn.io.doctor import diagnose, render
from medcnn.settings import check_path


def run(cfg: DictConfig) -> list[Any]:
    """Print the findings in plain words and return them."""
    path = None if cfg.path is None else Path(cfg.path)
    if path is not None:
        check_path(path, "path")
    findings = diagnose(path)
    say(render(findings))
    return list(findings)
