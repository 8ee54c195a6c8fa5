"""``medcnn lr-find``: the loss against a rising learning rate, and the rate to train at."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.console import say, warn
from medcnn.data.preparation import prepare
from medcnn.errors import ConfigError
from medcnn.lr_find.suggestion import suggest
from medcnn.run.directory import RunDir, atomic_path, write_json
from medcnn.run.journal import Journal
from medcnn.training.settings import check


def run(cfg: DictConfig) -> dict[str, Any]:
    """Run the range test on the configuration of a training and return what it found.

    Raises:
        ConfigError: If the ramp is not one, or the task is not a classification.
    """
    settings = check(cfg)
    _check_ramp(settings)
    folder = Path(settings["output"] or Path("outputs") / str(settings["name"]) / "lr_find")
    journal = Journal(RunDir(folder), seed=settings["seed"], echo=warn)
    with journal.stage("data"):
        prepared = prepare(settings["data"])
    ramp = importlib.import_module("medcnn.lr_find.ramp")  # torch and Lightning: seconds
    rates, losses, exploded = ramp.run_range_test(
        settings,
        prepared,
        journal,
        lowest=settings["lowest"],
        highest=settings["highest"],
        steps=settings["steps"],
    )
    found = suggest(rates, losses, exploded=exploded)
    result = found.to_json() | {"rates": rates.tolist(), "losses": losses.tolist()}
    write_json(folder / "lr_find.json", result)
    if len(rates) > 1:
        drawing = importlib.import_module("medcnn.lr_find.figure")
        with atomic_path(folder / "lr_find.png") as temporary:
            temporary.write_bytes(drawing.draw(rates, losses, found))
    journal.finish()
    if found.note:
        warn(found.note)
    if found.lr is None:
        say("suggested    none")
    else:
        say(f"learns from  {found.starts:.1e}")
        say(f"lowest loss  {found.lowest:.1e}, unstable from about here")
        say(f"suggested    optimizer.lr={found.lr:.1e}")
    say(f"figure       {folder / 'lr_find.png'}")
    return result


def _check_ramp(settings: dict[str, Any]) -> None:
    lowest, highest, steps = (settings[key] for key in ("lowest", "highest", "steps"))
    numbers = all(isinstance(value, (int, float)) for value in (lowest, highest, steps))
    if not numbers or not 0 < lowest < highest or steps < 20:
        raise ConfigError(
            "The range test needs a rising rate and enough steps.",
            expected="0 < lowest < highest, and steps of at least 20",
            found=f"lowest={lowest} highest={highest} steps={steps}",
        )
    if settings["task"] != "classification":
        raise ConfigError(
            "lr-find works on classifiers.",
            expected="task=classification",
            found=f"task={settings['task']}",
        )
