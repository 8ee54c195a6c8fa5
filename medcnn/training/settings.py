"""Checks of the values in a configuration, before anything heavy is imported.

Hydra answers for names of keys and groups; this file answers for what stands behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.calibration.options import read_safeguards
from medcnn.data.sources.chosen import check_sources
from medcnn.errors import ConfigError, DataError, nearest
from medcnn.losses.names import check_loss
from medcnn.metrics.rules import parse_rule
from medcnn.models.checks import check_model
from medcnn.settings.composition import plain
from medcnn.settings.rules import RULES, Rule


def check(cfg: DictConfig) -> dict[str, Any]:
    """Return the training configuration as plain values, all of them checked.

    Raises:
        ConfigError: If a value is missing, has the wrong type or is out of its range.
        DataError: If ``data.root`` or a file named in the configuration does not exist.
    """
    return checked(plain(cfg))


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Return plain values as ``check`` does."""
    _check_mappings(settings)
    _check_complete(settings)
    check_rules(settings)
    parse_rule(settings["threshold"])
    check_safeguards(settings)
    check_model(settings["model"])
    check_loss(settings["loss"])
    check_data(settings["data"])
    _check_averages(settings["callbacks"])
    if settings["task"] == "autoencoder":
        _check_autoencoder(settings)
    if settings["data"].get("sources"):
        # Where an image comes from is the first thing to ask of a result on several sources.
        subgroups = list(dict.fromkeys([*settings["subgroups"], "source"]))
        return {**settings, "subgroups": subgroups}
    return settings


def _check_complete(settings: Mapping[str, Any]) -> None:
    """Refuse a configuration that lacks a key: one that an earlier version of medcnn left."""
    of_choice = ("model.", "transfer.", "optimizer.")  # whose options differ in their keys
    for key in RULES:
        if not key.startswith(of_choice) and _look_up(settings, key) is _ABSENT:
            raise ConfigError(
                f"The configuration has no {key}.",
                expected=f"{key}, {RULES[key].expected}, as this version of medcnn writes it",
                found="the configuration of another version",
                remedy="evaluate or predict with the run as it is; to train, begin another",
            )


OF_AUTOENCODER: dict[str, tuple[Any, str]] = {
    "data.normalize": ("dataset", "It recreates images as the data set's mean and sd scale them."),
    "callbacks.monitor": ("val_loss", "It has no AUROC."),
    "optimizer.rates": (None, "It has one rate."),
    **{
        f"penalty.{name}": (none, "Its weights cost nothing.")
        for name, none in (("l1", 0), ("l2", 0), ("decay", 0), ("max_norm", None))
    },
}
"""What the values of an autoencoder have to be, and why."""


def _check_autoencoder(settings: Mapping[str, Any]) -> None:
    for key, (wanted, reason) in OF_AUTOENCODER.items():
        value = _look_up(settings, key)
        if value is not _ABSENT and value != wanted:
            raise ConfigError(
                f"task=autoencoder does not go with {key}={value}. {reason}",
                expected=f"{key}={'null' if wanted is None else wanted}",
                found=f"{key}={value}",
                remedy="take experiment=xray_autoencoder, which sets what it needs",
            )


def check_rules(settings: Mapping[str, Any], rules: Mapping[str, Rule] = RULES) -> None:
    """Raise if a value that is there is not what its rule says.

    Raises:
        ConfigError: Naming the key and what was expected.
    """
    for key, rule in rules.items():
        value = _look_up(settings, key)
        if value is not _ABSENT and not rule.holds(value):
            raise ConfigError(
                f"{key} cannot be {value!r}.",
                expected=rule.expected,
                found=f"{value!r} ({type(value).__name__})",
                remedy=f"give {key}=VALUE with such a value",
            )


_ABSENT = object()


def _look_up(settings: Mapping[str, Any], key: str) -> Any:
    value: Any = settings
    for name in key.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def _check_mappings(settings: Mapping[str, Any]) -> None:
    """Refuse ``data.root`` given as ``data=PATH``-like slips that replace a whole group."""
    for group in ("data", "augment", "model", "loss", "optimizer", "scheduler", "trainer"):
        if not isinstance(settings.get(group), Mapping):
            raise ConfigError(
                f"{group} has to be one of the {group} options.",
                found=repr(settings.get(group)),
                remedy=f"choose {group}=NAME, see --help",
            )


def _check_averages(callbacks: Mapping[str, Any]) -> None:
    """Refuse two averages, and population statistics of one network with an average of several."""
    given = [name for name in ("ema", "swa") if callbacks.get(name) is not None]
    if len(given) == 2:
        raise ConfigError(
            "One average of the weights is validated and kept, not two.",
            expected="callbacks.ema or callbacks.swa",
            found=f"callbacks.ema={callbacks['ema']} callbacks.swa={callbacks['swa']}",
        )
    if callbacks.get("population_statistics") and given:
        raise ConfigError(
            "callbacks.population_statistics are of the weights of training, not of their average.",
            expected="callbacks.population_statistics=true without ema and swa",
            found=f"callbacks.{given[0]}={callbacks[given[0]]}",
            remedy="swa re-estimates them itself; after ema, run medcnn population run=RUN_DIR",
        )


def check_data(data: Mapping[str, Any]) -> None:
    """Raise if the data group of a configuration does not fit together or names absent files."""
    check_rules({"data": data})
    if data["val_fraction"] + data["test_fraction"] >= 0.95:
        raise ConfigError(
            "val_fraction and test_fraction leave nothing to train on.",
            expected="a sum below 0.95",
            found=f"{data['val_fraction']} + {data['test_fraction']}",
        )
    if (data["fold"] is None) != (data["folds"] is None):
        raise ConfigError(
            "data.fold and data.folds go together.",
            expected="data.folds=5 data.fold=0 for one fold, data.fold=all for all of them",
            found=f"data.folds={data['folds']} data.fold={data['fold']}",
        )
    if data["folds"] is not None and data["fold"] not in range(data["folds"]):
        raise ConfigError(
            f"There is no fold {data['fold']} of {data['folds']}: they count from 0.",
            expected=f"data.fold from 0 to {data['folds'] - 1}, or all",
            found=f"data.fold={data['fold']}",
        )
    for name in check_sources(data):
        if data["roots"][name]:
            check_path(Path(str(data["roots"][name])), f"data.roots.{name}")
    for key in ("root", "split"):
        if data.get(key):
            check_path(Path(str(data[key])), f"data.{key}")


def check_safeguards(settings: Mapping[str, Any]) -> None:
    """Refuse impossible ``alpha``, ``refer`` and ``prior_shift`` before hours of training.

    Raises:
        ConfigError: If a value cannot be, or doubt is asked for that one model does not have.
    """
    asked = read_safeguards(settings)
    once = settings["ensemble"]["members"] == 1 and settings["tta"] == "none"
    once = once and not settings["mc_samples"]
    if asked.refer is not None and asked.refer_by == "mutual_information" and once:
        raise ConfigError(
            "refer_by=mutual_information needs several predictions of each image.",
            expected="refer_by=entropy, margin, conformal or distance for one model seen once",
            remedy="or add ensemble.members=5, tta=light or mc_samples=30",
        )
    if asked.refer is not None and asked.refer_by == "distance":
        _need_detector(settings)


def _need_detector(settings: Mapping[str, Any]) -> None:
    if settings.get("out_of_distribution") is None:
        raise ConfigError(
            "refer_by=distance needs the distance from the training images.",
            expected="out_of_distribution=mahalanobis or knn",
            found="out_of_distribution=null",
        )


def check_path(path: Path, key: str) -> None:
    """Raise DataError if nothing is at ``path``, naming the part that does not exist."""
    if path.exists():
        return
    parent = path
    while not parent.exists() and parent != parent.parent:
        missing, parent = parent.name, parent.parent
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    guess = nearest(missing, names)
    raise DataError(
        f"{key} does not exist: {path}",
        expected="an existing file or folder",
        found=f"{parent} has no {missing!r}",
        remedy=f"did you mean {parent / guess}?" if guess else "check the path",
    )
