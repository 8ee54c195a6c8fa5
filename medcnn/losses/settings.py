"""The groups ``loss`` and ``robust``: what is minimised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medcnn.settings.fields import Component, setting


@dataclass(frozen=True)
class Loss(Component):
    """The objective; a loss has options of its own beside these."""

    name: str | None = setting(None, "the one loss; null: terms")
    label_smoothing: float = setting(
        0.0,
        "moves the labels this far towards 1/2",
        low=0,
        below=1,
        expected="a number from 0 to below 1",
    )
    positive_weight: float | None = setting(
        None, "of the abnormal class; data.balance=weights sets it", above=0
    )
    class_weights: tuple[float, ...] | None = setting(None, "of normal and abnormal", low=0)
    terms: Mapping[str, Any] | None = setting(
        None, "instead of name: '{bce: 1.0, auc_margin: 0.5}', in quotes"
    )


@dataclass(frozen=True)
class Robust:
    """Whether the worst group of training images counts most (GroupDRO, Sagawa 2020)."""

    by: tuple[str, ...] = setting(
        (), "columns that tell groups apart: [site], [acquisition], [site,label]; []: all alike"
    )
    step: float = setting(
        0.01, "how fast the weights of groups follow their losses", above=0, high=10
    )
    adjustment: float = setting(
        0.0,
        "over the root of a group's images it is added to its loss: small ones count more",
        low=0,
        high=1000,
    )
