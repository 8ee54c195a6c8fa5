"""The names of the losses and of their options, for checks that need no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from medcnn.errors import ConfigError, unknown_name

LOSSES: dict[str, tuple[str, ...]] = {
    "bce": (),
    "cross_entropy": (),
    "focal": ("gamma", "alpha"),
    "asymmetric": ("gamma_positive", "gamma_negative", "margin"),
    "kl_divergence": (),
    "pseudo_huber": ("delta",),
    "l1": (),
    "mse": (),
    "hinge": ("margin", "squared"),
    "auc_margin": ("margin",),
}
"""Each loss with the options that only it takes."""

Term = float | Mapping[str, float | None]
"""The weight of a term, or ``weight`` and its options."""

SHARED = ("label_smoothing", "positive_weight", "class_weights")
"""Options of the objective as a whole."""


def read_terms(name: str | None, terms: Mapping[str, Term] | None) -> dict[str, dict[str, Any]]:
    """Return each term of an objective with its ``weight`` and its options.

    Args:
        name: The one loss, where no ``terms`` are given.
        terms: For each loss its weight, or a mapping of ``weight`` and its options.

    Raises:
        ConfigError: If a name or option is unknown, a weight is not a number, or nothing is given.

    >>> read_terms(None, {"bce": 1.0, "focal": {"weight": 0.5, "gamma": 3}})
    {'bce': {'weight': 1.0}, 'focal': {'weight': 0.5, 'gamma': 3}}
    """
    if not terms and name is None:
        raise ConfigError(
            "The loss has no terms.",
            expected="at least one loss with its weight",
            found=f"loss.terms={terms}",
            remedy="give loss.terms='{bce: 1.0, auc_margin: 0.5}', in quotes for the shell",
        )
    given = dict(terms) if terms else {str(name): 1.0}
    return {str(term): _read_term(str(term), value) for term, value in given.items()}


def _read_term(name: str, value: Any) -> dict[str, Any]:
    if name not in LOSSES:
        raise unknown_name("loss", name, LOSSES)
    options = dict(value) if isinstance(value, Mapping) else {"weight": value}
    options.setdefault("weight", 1.0)
    for option in options:
        if option not in ("weight", *LOSSES[name]):
            raise unknown_name(f"option of the loss {name}", str(option), LOSSES[name])
    for option, number in options.items():
        whole = isinstance(number, (int, float)) and math.isfinite(number)
        if not whole and not (option == "alpha" and number is None):
            raise ConfigError(
                f"{option} of the loss {name} cannot be {number!r}.", expected="a number"
            )
    return options


def check_loss(loss: Mapping[str, Any]) -> None:
    """Check the configuration group ``loss`` as far as names and numbers go.

    Raises:
        ConfigError: If the objective cannot be built from it.
    """
    terms = read_terms(loss.get("name"), loss.get("terms"))
    smoothing = loss.get("label_smoothing", 0.0)
    if isinstance(smoothing, bool) or not isinstance(smoothing, (int, float)):
        smoothing = math.nan
    if not 0 <= smoothing < 1:
        raise ConfigError(
            f"loss.label_smoothing cannot be {loss.get('label_smoothing')!r}.",
            expected="a number from 0 to below 1",
        )
    own = {key for key in loss if key not in ("_target_", "name", "terms", *SHARED)}
    if own and loss.get("terms"):
        name = str(loss.get("name"))
        odd = [key for key in sorted(own) if name not in terms]
        if odd:
            raise ConfigError(
                f"loss.{odd[0]} belongs to {name}, which is not among loss.terms.",
                expected="options inside the term they belong to",
                found=f"loss.terms={dict(loss['terms'])}",
                remedy="choose loss=mixture, and loss.terms='{focal: {weight: 0.5, gamma: 3}}'",
            )
