"""``medcnn shift``: are images without labels from the population that the threshold was chosen on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from medcnn.adaptation.settings import ShiftAsked
from medcnn.console import say, warn
from medcnn.data.checks import check_path
from medcnn.evaluation.shift import ShiftResults
from medcnn.inference.device import check_device
from medcnn.inference.settings import run_settings
from medcnn.reporting.shift import Sides, write_shift
from medcnn.run.directory import RunDir, write_json
from medcnn.settings.composition import read_config

if TYPE_CHECKING:
    from medcnn.adaptation.shift import Looked

FOLDER = "shift"
MOST_NAMED = 3


def run(cfg: DictConfig) -> ShiftResults:
    """Look for a shift, write ``shift.json`` and ``shift.html``, and return what was found."""
    asked = read_config(ShiftAsked, cfg)
    check_device(asked.device)
    directory = RunDir.open(asked.run)
    check_path(asked.input, "input")
    from medcnn.adaptation.shift import look_for_shift  # torch: seconds

    looked = look_for_shift(directory, asked)
    for text in looked.unread[:MOST_NAMED]:
        warn(f"left out: {text}")
    if len(looked.unread) > MOST_NAMED:
        warn(f"left out: {len(looked.unread) - MOST_NAMED} more files that cannot be read")
    page = write_pages(directory, looked, asked)
    tell(looked.shift.results)
    say(f"page         {page}")
    return looked.shift.results


def write_pages(run: RunDir, looked: Looked, asked: ShiftAsked) -> Path:
    """Write ``shift.json`` and the page beside it, and return the latter's path."""
    folder = asked.output or run.path / FOLDER / re.sub(
        r"[^\w.-]+", "-", asked.input.resolve().name
    )
    write_json(folder / "shift.json", looked.shift.results.to_json())
    sides = Sides(
        looked.home.table["p_abnormal"].to_numpy(float),
        looked.here.table["p_abnormal"].to_numpy(float),
        looked.paths,
    )
    return write_shift(
        looked.shift,
        sides,
        folder / "shift.html",
        run=run.path.resolve().name,
        place=asked.input.resolve().name,
        permutations=asked.permutations,
        language=asked.language or run_settings(run).language,
    )


def tell(found: ShiftResults) -> None:
    """Print what was found; that the images are not from home is a warning."""
    first, *rest = found.sentences
    (warn if found.warned else say)(str(first))
    for text in rest:
        say(f"- {text}")
