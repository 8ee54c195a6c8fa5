"""In Python: the commands as functions that take the same overrides."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from medcnn.files.tables import read_table
from medcnn.inference.settings import PREDICTIONS
from medcnn.record.record import Record
from medcnn.reporting.view import ReportView
from medcnn.run.command import asking
from medcnn.settings.composition import compose, explain
from medcnn.training.settings import Settings, settings_of

if TYPE_CHECKING:
    from medcnn.inference.resident import ResidentModel


class Run(Record):
    """A run that can be read, typed, checked and once: ``medcnn.Run(path).results``.

    What it has is described by ``Record``; settings are typed here, where their whole tree is known.
    """

    @cached_property
    def settings(self) -> Settings:
        """The settings that the run was made with, as one typed tree."""
        return settings_of(self.paths)

    def report(self) -> ReportView:
        """Return the report, which a notebook shows and ``str`` names the file of.

        Raises:
            DataError: If the run has none.
        """
        return ReportView.of(self.paths)

    def model(self, device: str = "auto") -> ResidentModel:
        """Return the run as a function of one image: its file, or its pixels.

        What it does is what ``medcnn predict`` does, reading, calibration and safeguards included; it
        may be called from several threads.

        Args:
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        """
        from medcnn.inference.resident import ResidentModel  # torch: seconds

        return ResidentModel(self.paths, device)


def train(overrides: Sequence[str] = ()) -> Run:
    """Do what ``train.py`` does and return the run: its results, predictions, report and model.

    Args:
        overrides: As on the command line, for example ``["data=folder", "data.root=PATH", "seed=1"]``.
    """
    return Run(_do("train", overrides))


def evaluate(overrides: Sequence[str]) -> dict[str, Any]:
    """Do what ``evaluate.py`` does and return the content of ``results.json``.

    Args:
        overrides: As on the command line, for example ``["run=RUN_DIR", "split=val"]``.
    """
    from medcnn.files.records import to_json

    found = to_json(_do("evaluate", overrides))
    if isinstance(found, list):
        found = found[0] if len(found) == 1 else {"comparisons": found}
    results: dict[str, Any] = found
    return results


def predict(overrides: Sequence[str]) -> pd.DataFrame:
    """Do what ``predict.py`` does and return one row a file; none where ``part=`` was asked for.

    Args:
        overrides: As on the command line, for example ``["run=RUN_DIR", "input=FOLDER"]``.
    """
    from medcnn.inference.table import TEXT

    path = _do("predict", overrides)
    if path.suffix not in PREDICTIONS:
        return pd.DataFrame()
    return read_table(path, text=TEXT)


def _do(command: str, overrides: Sequence[str]) -> Any:
    from hydra.errors import HydraException

    run = importlib.import_module(f"medcnn.commands.{command}").run
    try:
        with asking(command, overrides):
            return run(compose(command, overrides))
    except HydraException as error:  # around what a constructor refused
        raise explain(error, command, overrides) from error
