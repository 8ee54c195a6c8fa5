"""What each single value of a configuration must be, in code and in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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
    "autoencoder.masking": _number(0, 0.99),
    "autoencoder.patch": _number(1, 4096, whole=True),
    "autoencoder.noise": _number(0, 100),
    "model.dropout": _number(0, 0.99),
    "transfer.k": _number(0, 1000, whole=True),
    "transfer.every": _number(1, 100_000, whole=True),
    "transfer.decay": _number(0, 1, open_low=True),
    "transfer.little": _number(0, 1_000_000_000, whole=True),
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

SHOW_MODEL_RULES = {
    "data.image_size": RULES["data.image_size"],
    "batch_size": _number(1, 65536, whole=True),
    "measure": _SWITCH,
    "model.dropout": RULES["model.dropout"],
}
"""What ``medcnn show model=NAME`` takes."""
