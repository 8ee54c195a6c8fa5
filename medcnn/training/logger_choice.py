"""Which loggers a training has, chosen by name: none, one, or several at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from medcnn.errors import unknown_name
from medcnn.settings.composition import config_folder
from medcnn.settings.fields import Component

SEVERAL = "medcnn.training.logger_choice.several"
PACKAGES = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow", "TensorBoardLogger": "tensorboard"}
"""What each of Lightning's loggers is installed by."""


def several(
    loggers: Sequence[str], name: str, options: Mapping[str, Mapping[str, Any]]
) -> list[Component]:
    """Return several loggers, each as its own YAML has it.

    Args:
        loggers: Their names in ``configs/logger``.
        name: Of the run.
        options: What is otherwise than in the YAML, by name.

    Raises:
        ConfigError: If there is no logger of a name.
    """
    folder = config_folder() / "logger"
    known = sorted({path.stem for path in folder.glob("*.yaml")} - {"none", "several"})
    found = []
    for each in loggers:
        if each not in known:
            raise unknown_name("logger", each, known)
        text = (folder / f"{each}.yaml").read_text(encoding="utf-8").replace("${name}", name)
        given = yaml.safe_load(text) | dict(options.get(each, {}))
        found.append(Component(given.pop("_target_"), given))
    return found


def chosen_loggers(logger: Component) -> list[Component]:
    """Return the loggers that a configuration asks for."""
    if not logger:
        return []
    if logger.target == SEVERAL:
        return several(**logger.arguments)
    return [logger]


def package_of(logger: Component) -> str | None:
    """Return what a logger is installed by; None of one that is not Lightning's."""
    return PACKAGES.get(logger.target.rpartition(".")[2])
