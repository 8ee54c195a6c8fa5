"""``medcnn lr-find``: the loss against a rising learning rate, and the rate to train at."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from omegaconf import DictConfig

from medcnn.console import say, warn
from medcnn.data.preparation import prepare
from medcnn.lr_find.settings import RangeTest, checked_ramp
from medcnn.lr_find.suggestion import suggest
from medcnn.run.directory import RunDir, atomic_path, write_json
from medcnn.run.journal import Journal
from medcnn.settings.composition import read_config
from medcnn.training.requirements import check_requirements


def run(cfg: DictConfig) -> dict[str, Any]:
    """Run the range test on the configuration of a training and return what it found.

    Raises:
        ConfigError: If the ramp is not one, or the task is not a classification.
    """
    settings = checked_ramp(read_config(RangeTest, cfg))
    check_requirements(settings)
    folder = settings.folder
    journal = Journal(RunDir(folder), seed=settings.seed, echo=warn)
    with journal.stage("data"):
        prepared = prepare(settings.data)
    from medcnn.lr_find import ramp  # torch and Lightning: seconds

    rates, losses, exploded = ramp.run_range_test(settings, prepared, journal)
    found = suggest(rates, losses, exploded=exploded)
    result = asdict(found) | {"rates": rates.tolist(), "losses": losses.tolist()}
    write_json(folder / "lr_find.json", result)
    if len(rates) > 1:
        from medcnn.lr_find import figure as drawing

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
