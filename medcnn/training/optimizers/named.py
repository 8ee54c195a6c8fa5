"""Optimisers by name: those of torch, and two that torch leaves to be put together."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from medcnn.errors import ConfigError, unknown_name
from medcnn.training.optimizers.muon import MuonWithAdamW
from medcnn.training.optimizers.sharpness import SharpnessAware

Groups = list[dict[str, Any]]

PLAIN: dict[str, type[Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "adamax": torch.optim.Adamax,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "adafactor": torch.optim.Adafactor,
    "rmsprop": torch.optim.RMSprop,
    "rprop": torch.optim.Rprop,
    "asgd": torch.optim.ASGD,
    "lbfgs": torch.optim.LBFGS,
    "sparse_adam": torch.optim.SparseAdam,
}
NAMES = (*PLAIN, "muon", "sam")
FUSED = ("sgd", "adam", "adamw", "adagrad")
WITHOUT_DECAY = ("rprop", "lbfgs", "sparse_adam")
REPEATED = ("lbfgs", "sam")
"""Those that evaluate a batch several times in one step."""


def make_optimizer(
    groups: Groups,
    *,
    name: str,
    lr: float,
    weight_decay: float = 0.0,
    fused: bool = False,
    **options: Any,
) -> Optimizer:
    """Return an optimiser by its name.

    Args:
        groups: Parameter groups, each with its ``lr`` and ``weight_decay``.
        name: One of ``NAMES``.
        lr: The base rate, for groups without one.
        weight_decay: The base decay, for groups without one.
        fused: Whether torch's fused implementation is used where there is one.
        options: Of the optimiser's class.

    Raises:
        ConfigError: If the name is unknown or the optimiser cannot do what is asked for.
    """
    if name not in NAMES:
        raise unknown_name("optimiser", name, NAMES)
    _check_decay(name, weight_decay, groups)
    try:
        if name == "sam":
            base, rho = str(options.pop("base")), float(options.pop("rho"))
            return SharpnessAware(groups, lambda shared: _base(base, shared, lr, options), rho)
        if name == "muon":
            return MuonWithAdamW(groups, lr=lr, weight_decay=weight_decay, **options)
        if name == "lbfgs":
            return torch.optim.LBFGS(_single(groups), lr=lr, **options)
        if name == "sparse_adam":
            bare = [{key: group[key] for key in group if key != "weight_decay"} for group in groups]
            return SparseAdam(bare, lr=lr, **options)
        if name in FUSED and fused:
            options["fused"] = True
        if name not in WITHOUT_DECAY:
            options["weight_decay"] = weight_decay
        kind: Any = PLAIN[name]
        made: Optimizer = kind(groups, lr=lr, **options)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"The optimiser {name} cannot be set up like this.",
            expected="options that torch takes",
            found=str(error),
        ) from error
    return made


class SparseAdam(torch.optim.SparseAdam):
    """Adam for sparse gradients, which only embeddings made with ``sparse=True`` have."""

    def step(self, closure: Any = None) -> Any:
        """Take a step.

        Raises:
            ConfigError: If a gradient is dense, as all those of a CNN are.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        weights = [weight for group in self.param_groups for weight in group["params"]]
        if any(weight.grad is not None and not weight.grad.is_sparse for weight in weights):
            raise ConfigError(
                "SparseAdam is for sparse gradients, and this network's are dense.",
                expected="embeddings made with sparse=True",
                found="dense gradients, as convolutions have",
                remedy="take optimizer=adam or optimizer=adamw",
            )
        dense_free_step: Any = super().step
        dense_free_step()
        return loss


def scale_rates(groups: Groups, network: nn.Module, rates: Mapping[str, float]) -> Groups:
    """Return the groups with the rates of chosen parameters multiplied.

    Args:
        groups: Parameter groups with ``lr``.
        network: Whose parameters they are.
        rates: Factor on the rate for names of parameters, with ``*`` for any text; the last that
            fits counts.

    Raises:
        ConfigError: If a name fits no parameter or a factor is negative.
    """
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for pattern, factor in rates.items():
        if not any(fnmatchcase(name, pattern) for name in names.values()):
            raise unknown_name("parameter in optimizer.rates", pattern, names.values())
        if not factor >= 0:
            raise ConfigError(f"optimizer.rates cannot be {factor!r}.", expected="0 or more")
    split: Groups = []
    for group in groups:
        by_factor: dict[float, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            fits = [rates[each] for each in rates if fnmatchcase(names[id(parameter)], each)]
            by_factor.setdefault(fits[-1] if fits else 1.0, []).append(parameter)
        split += [
            {**group, "params": members, "lr": group["lr"] * factor}
            for factor, members in by_factor.items()
        ]
    return split


def carry_over(before: Optimizer, after: Optimizer) -> None:
    """Give a new optimiser what the old one had learnt of the parameters they share."""
    if isinstance(before, MuonWithAdamW) and isinstance(after, MuonWithAdamW):
        after.inherit(before)
        return
    if isinstance(before, torch.optim.LBFGS):
        return  # its history is one vector over all parameters, whose number has changed
    for group in after.param_groups:
        for parameter in group["params"]:
            if parameter in before.state:
                after.state[parameter] = before.state[parameter]


def _base(name: str, groups: Groups, lr: float, options: Mapping[str, Any]) -> Optimizer:
    if name in REPEATED or name in ("muon", "sparse_adam"):
        raise ConfigError(f"SAM cannot be built on {name}.", expected="sgd, adamw, …")
    return make_optimizer(groups, name=name, lr=lr, **options)


def _check_decay(name: str, weight_decay: float, groups: Groups) -> None:
    decays = [weight_decay, *(group.get("weight_decay", 0.0) for group in groups)]
    if name in WITHOUT_DECAY and any(decays):
        raise ConfigError(
            f"The optimiser {name} has no weight decay.",
            expected="optimizer.weight_decay=0",
            found=f"optimizer.weight_decay={weight_decay}",
            remedy="take penalty.decay or penalty.l2, which work with every optimiser",
        )


def _single(groups: Groups) -> list[nn.Parameter]:
    rates = sorted({group["lr"] for group in groups})
    if len(rates) > 1:
        raise ConfigError(
            "LBFGS has one rate for all parameters.",
            expected="a transfer policy and optimizer.rates with one rate",
            found=f"rates {', '.join(f'{rate:g}' for rate in rates)}",
            remedy="take another optimiser",
        )
    return [parameter for group in groups for parameter in group["params"]]
