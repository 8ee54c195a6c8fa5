"""Checks of the values in a configuration, before anything heavy is imported.

Hydra answers for names of keys and groups; this file answers for what stands behind them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.calibration.options import read_safeguards
from medcnn.config import plain
from medcnn.data.sources.chosen import check_sources
from medcnn.errors import ConfigError, DataError, nearest
from medcnn.losses.names import check_loss
from medcnn.metrics.rules import parse_rule
from medcnn.models.checks import check_model


@dataclass(frozen=True)
class Rule:
    """What a value must be, in code and in words."""

    holds: Callable[[Any], bool]
    expected: str


def _number(low: float, high: float, *, whole: bool = False, open_low: bool = False) -> Rule:
    def holds(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            return False
        return (
            math.isfinite(value) and (low < value if open_low else low <= value) and value <= high
        )

    kind = "a whole number" if whole else "a number"
    bounds = f"{'above' if open_low else 'from'} {low:g} to {high:g}"
    return Rule(holds, f"{kind} {bounds}")


def _one_of(*choices: str) -> Rule:
    return Rule(lambda value: value in choices, f"one of {', '.join(choices)}")


def _or(other: Any, rule: Rule) -> Rule:
    shown = "null" if other is None else other
    return Rule(lambda value: value == other or rule.holds(value), f"{shown} or {rule.expected}")


_SWITCH = Rule(lambda value: isinstance(value, bool), "true or false")
_FRACTION = Rule(
    lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1,
    "a number between 0 and 1",
)

RULES = {
    "task": _one_of("classification", "autoencoder"),
    "seed": _number(0, 2**32 - 1, whole=True),
    "ensemble.members": _number(1, 1000, whole=True),
    "ensemble.kind": _one_of("seeds", "snapshots"),
    "ensemble.vote": _one_of("soft", "logit", "hard", "rank", "weighted", "greedy", "stacked"),
    "tta": _one_of(
        "none", "light", "rotations", "scales", "shifts", "exposure", "crops", "flips", "full"
    ),
    "tta_merge": _one_of("mean", "geometric", "max", "weighted"),
    "mc_samples": _number(0, 10_000, whole=True),
    "mc.inject": _or(None, _one_of("head", "blocks")),
    "mc.p": _FRACTION,
    "calibration": _one_of("temperature", "platt", "isotonic", "beta", "histogram", "none"),
    "out_of_distribution": _or(None, _one_of("mahalanobis", "knn", "energy", "max_probability")),
    "ood_quantile": _FRACTION,
    "language": _one_of("en", "de"),
    "data.image_size": _number(16, 4096, whole=True),
    "data.batch_size": _number(2, 65536, whole=True),
    "data.num_workers": _or("auto", _number(0, 256, whole=True)),
    "data.augment_on": _one_of("auto", "loader", "device"),
    "data.normalize": _one_of("dataset", "image", "histogram"),
    "data.exact": _SWITCH,
    "data.hash_patients": _SWITCH,
    "data.deduplicate": _SWITCH,
    "data.audit": _one_of("error", "warn", "off"),
    "data.balance": _one_of("none", "sampler", "weights"),
    "data.val_fraction": _FRACTION,
    "data.test_fraction": _FRACTION,
    "data.split_seed": _number(0, 2**32 - 1, whole=True),
    "data.official": _SWITCH,
    "data.folds": _or(None, _number(2, 1000, whole=True)),
    "data.fold": _or(None, _number(0, 999, whole=True)),
    "model.dropout": _number(0, 0.99),
    "optimizer.lr": _number(0, 1e3, open_low=True),
    "optimizer.weight_decay": _number(0, 1e3),
    "trainer.max_epochs": _number(1, 100_000, whole=True),
    "trainer.precision": _one_of("auto", "32-true", "bf16-mixed", "16-mixed"),
    "trainer.devices": Rule(
        lambda value: value in ("auto", 1) or (isinstance(value, list) and len(value) == 1),
        "auto, or a list of one device such as [1]; a run trains on one",
    ),
    "trainer.channels_last": _SWITCH,
    "trainer.compile": _SWITCH,
    "trainer.deterministic": _or("warn", _SWITCH),
    "callbacks.monitor": _one_of("val_auroc", "val_loss"),
    "callbacks.patience": _number(1, 100_000, whole=True),
    "penalty.l1": _number(0, 1e6),
    "penalty.l2": _number(0, 1e6),
    "penalty.decay": _number(0, 1e3),
    "penalty.max_norm": _or(None, _number(0, 1e6, open_low=True)),
    "callbacks.save_every": _or(None, _number(1, 1_000_000_000, whole=True)),
    "callbacks.ema": _or(None, _FRACTION),
    "callbacks.swa": _or(None, _number(0, 0.99)),
    "callbacks.bn_batches": _number(1, 100_000, whole=True),
    "callbacks.population_statistics": _SWITCH,
}


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
    _check_rules(settings)
    parse_rule(settings["threshold"])
    check_safeguards(settings)
    check_model(settings["model"])
    check_loss(settings["loss"])
    check_data(settings["data"])
    _check_averages(settings["callbacks"])
    if settings["task"] == "autoencoder" and settings["data"]["normalize"] != "dataset":
        raise ConfigError(
            "An autoencoder reconstructs images as the data set's mean and deviation scale them.",
            expected="data.normalize=dataset",
            found=f"data.normalize={settings['data']['normalize']}",
        )
    if settings["data"].get("sources"):
        # Where an image comes from is the first thing to ask of a result on several sources.
        subgroups = list(dict.fromkeys([*settings["subgroups"], "source"]))
        return {**settings, "subgroups": subgroups}
    return settings


def _check_complete(settings: Mapping[str, Any]) -> None:
    """Refuse a configuration that lacks a key: one that an earlier version of medcnn left."""
    of_choice = ("model.", "optimizer.")  # whose options differ in their keys
    for key in RULES:
        if not key.startswith(of_choice) and _look_up(settings, key) is _ABSENT:
            raise ConfigError(
                f"The configuration has no {key}.",
                expected=f"{key}, {RULES[key].expected}, as this version of medcnn writes it",
                found="the configuration of another version",
                remedy="evaluate or predict with the run as it is; to train, begin another",
            )


def _check_rules(settings: Mapping[str, Any]) -> None:
    for key, rule in RULES.items():
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
    _check_rules({"data": data})
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
