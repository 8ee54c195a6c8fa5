"""The configuration that a run left, read as data: it may come from a stranger.

Nothing in it is called, looked up or resolved here. Whatever a later step builds from it is named by
``_target_``, and a target that medcnn does not ship is refused, wherever it stands.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from medcnn.errors import ConfigError
from medcnn.run.directory import RunDir, write_text
from medcnn.run.hashes import checked
from medcnn.settings.composition import config_folder
from medcnn.settings.reading import as_plain

MOST_BYTES = 2**20
"""A configuration is a few kilobytes; what is larger is none."""
NEEDED = (("data", "image_size"), ("model", "backbone"), ("transfer",))
LARGEST_SIDE = 4096
TRUSTED = "MEDCNN_TRUSTED_PACKAGES"
"""The environment variable that names packages, with commas, whose targets are accepted too."""
EARLIER = frozenset({"torch.optim.AdamW", "medcnn.losses.BinaryCrossEntropy"})
"""Targets that stand in runs of earlier configurations; neither does more than hold numbers."""
PLAIN = re.compile(r"(torch\.optim|torch\.nn|pytorch_lightning\.loggers)\.[A-Z]\w*")
"""Classes of the libraries that a run is built of."""
MOVED = {
    "medcnn.tasks.optimizers.": "medcnn.training.optimizers.named.",
    "medcnn.tasks.schedules.": "medcnn.training.optimizers.schedules.",
}
"""Where targets that stand in runs of earlier versions are found today."""


def read_settings(run: RunDir) -> dict[str, Any]:
    """Return the configuration of a run as plain values.

    Raises:
        ConfigError: If it is no configuration of medcnn, or names a target that medcnn does not ship.
    """
    settings = read_config(run)
    for keys in NEEDED:
        value: Any = settings
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            raise _refused(run, f"{'.'.join(keys)}, as training writes it", "no such key")
    side = settings["data"]["image_size"]
    if type(side) is not int or not 1 <= side <= LARGEST_SIDE:
        raise _refused(run, f"data.image_size from 1 to {LARGEST_SIDE}", repr(side))
    foreign = foreign_targets(settings)
    if foreign:
        raise ConfigError(
            f"{run.config} names code that medcnn does not ship.",
            expected="_target_ of the kinds in medcnn's own configurations",
            found=", ".join(foreign)[:200],
            remedy="do not use this run unless you know who made it; nothing of it was executed. For "
            f"packages of your own: {TRUSTED}=PACKAGE",
        )
    return settings


def foreign_targets(settings: Any) -> list[str]:
    """Return the targets in plain values that medcnn neither ships nor was told to trust.

    Classes of torch's optimisers and modules and of Lightning's loggers do no more than they say.
    """
    trusted = tuple(f"{name}." for name in os.environ.get(TRUSTED, "").split(",") if name)
    named = set(_targets(settings)) - shipped_targets() - EARLIER
    return sorted(each for each in named if not (each.startswith(trusted) or PLAIN.fullmatch(each)))


def read_config(run: RunDir) -> dict[str, Any]:
    """Return what ``config.yaml`` holds, as plain values of which nothing may be built.

    Raises:
        ConfigError: If it is no YAML, or more than a configuration is.
        DataError: If it is not the one that the run recorded.
    """
    path = run.config
    try:
        size = checked(run, path).stat().st_size
        if size > MOST_BYTES:
            raise _refused(run, f"at most {MOST_BYTES:,} bytes", f"{size:,} bytes")
        text = path.read_text(encoding="utf-8")
        # Ten lines of aliases of aliases unfold to more than any memory holds.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise _refused(run, "plain values", "a YAML alias")
        settings = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    except (yaml.YAMLError, OmegaConfBaseException, ValueError, OSError, RecursionError) as error:
        raise _refused(run, "YAML as training writes it", " ".join(str(error).split())) from error
    if not isinstance(settings, dict):
        raise _refused(run, "keys and values", type(settings).__name__)
    return {str(key): _at_home(value) for key, value in settings.items()}


def write_settings(run: RunDir, settings: object) -> None:
    """Leave the settings of a run in its ``config.yaml``, whose keys are those of the command line.

    Args:
        run: The run.
        settings: The tree of its settings.
    """
    write_text(run.config, OmegaConf.to_yaml(OmegaConf.create(as_plain(settings))))


@cache
def shipped_targets() -> frozenset[str]:
    """Return every ``_target_`` in the configurations that medcnn ships."""
    pattern = re.compile(r"^[^#\n]*\b_target_:\s*([\w.]+)", re.MULTILINE)
    texts = (path.read_text(encoding="utf-8") for path in config_folder().rglob("*.yaml"))
    return frozenset(target for text in texts for target in pattern.findall(text))


def _at_home(value: Any) -> Any:
    """Return plain values whose targets are named as they are today."""
    if isinstance(value, list):
        return [_at_home(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    found = {key: _at_home(inner) for key, inner in value.items()}
    target = str(found.get("_target_"))
    home = next((home for home in MOVED if target.startswith(home)), None)
    return found if home is None else found | {"_target_": MOVED[home] + target[len(home) :]}


def _targets(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "_target_":
                yield str(inner)
            yield from _targets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _targets(inner)


def _refused(run: RunDir, expected: str, found: str) -> ConfigError:
    return ConfigError(
        f"{run.config} is not a configuration that medcnn can use.",
        expected=expected,
        found=found[:300],
        remedy="restore it, or take another run",
    )
