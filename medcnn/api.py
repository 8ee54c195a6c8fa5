"""In Python: the commands as functions that take the same overrides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from medcnn.config import compose
from medcnn.run_dir import RunDir


def train(overrides: Sequence[str] = ()) -> RunDir:
    """Do what ``train.py`` does and return the run directory.

    Args:
        overrides: As on the command line, for example ``["experiment=xray_resnet", "seed=1"]``.
    """
    from medcnn.commands.train import run

    directory: RunDir = run(compose("train", overrides))
    return directory


def evaluate(overrides: Sequence[str]) -> dict[str, Any]:
    """Do what ``evaluate.py`` does and return the content of ``results.json``.

    Args:
        overrides: As on the command line, for example ``["run=RUN_DIR", "split=val"]``.
    """
    from medcnn.commands.evaluate import run

    return run(compose("evaluate", overrides))


def predict(overrides: Sequence[str]) -> pd.DataFrame:
    """Do what ``predict.py`` does and return one row a file.

    Args:
        overrides: As on the command line, for example ``["run=RUN_DIR", "input=FOLDER"]``.
    """
    from medcnn.commands.predict import run
    from medcnn.inference.finishing import read_table

    return read_table(run(compose("predict", overrides)))
