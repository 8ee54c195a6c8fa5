"""Learning curves as arrays, and the few statistics that the rules are made of.

A curve has one value an epoch. Nothing here is smoothed by eye: a trend is a rank correlation with
its p-value, and noise is what is left of a curve after its straight trend has been removed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import kendalltau, theilslopes

Array = npt.NDArray[np.float64]
EMPTY: Array = np.empty(0)

RISE = 0.05
"""A rise below this part of a curve's minimum changes no decision."""
FEWEST = 4
"""Epochs below which nothing is said of a trend: of three values in a row, even a perfect order
comes about by chance once in six."""


@dataclass(frozen=True)
class Curves:
    """The curves of a run; a curve that was not recorded is empty.

    Attributes:
        train_loss: Mean of each epoch over its training batches, as trained: augmented, with dropout.
        val_loss: After each epoch.
        train_auroc: From the same batches as the training loss.
        val_auroc: After each epoch.
        lr: The learning rate at the end of each epoch.
        gradient: The largest norm of the gradient seen in each epoch, before clipping.
    """

    train_loss: Array
    val_loss: Array
    train_auroc: Array = field(default_factory=lambda: EMPTY)
    val_auroc: Array = field(default_factory=lambda: EMPTY)
    lr: Array = field(default_factory=lambda: EMPTY)
    gradient: Array = field(default_factory=lambda: EMPTY)

    def __len__(self) -> int:
        return len(self.train_loss)

    @property
    def gap(self) -> Array:
        """Validation minus training loss."""
        return self.val_loss - self.train_loss

    @property
    def best_rank(self) -> float | None:
        """The AUROC at the end, of training or validation, whichever is higher; None without both.

        Training images are augmented, and may be mixed with each other: where validation is ranked
        better, it shows what the model can tell apart.
        """
        known = [level(each) for each in (self.train_auroc, self.val_auroc) if len(each)]
        return float(np.nanmax(known)) if known and not np.isnan(known).all() else None


def read_curves(table: pd.DataFrame) -> Curves:
    """Return the curves in a table such as ``metrics.csv``."""

    def column(name: str) -> Array:
        if name not in table:
            return EMPTY
        values: Array = table[name].to_numpy(np.float64)
        return EMPTY if name != "train_loss" and np.isnan(values).all() else values

    return Curves(
        train_loss=column("train_loss"),
        val_loss=column("val_loss"),
        train_auroc=column("train_auroc"),
        val_auroc=column("val_auroc"),
        lr=column("lr"),
        gradient=column("gradient_norm"),
    )


def trend(values: Array) -> float:
    """Return the one-sided p-value of a falling trend (Kendall's rank test); 1 where too short.

    >>> trend(np.array([5.0, 4.0, 3.0, 2.0])) < 0.05
    True
    """
    if len(values) < FEWEST or np.ptp(values) == 0:
        return 1.0
    return float(kendalltau(np.arange(len(values)), values, alternative="less").pvalue)


def noise(values: Array) -> float:
    """Return the standard deviation around a locally straight line, 0 for fewer than three values.

    The second difference of white noise has six times its variance; the median makes one jump of the
    curve, as at a drop of the learning rate, count for little.
    """
    if len(values) < 3:
        return 0.0
    return float(np.median(np.abs(np.diff(values, 2))) / (0.6745 * np.sqrt(6)))


def slope(values: Array) -> float:
    """Return the change an epoch over the last third, at least three values (Theil–Sen)."""
    last = values[-max(len(values) // 3, 3) :]
    return float(theilslopes(last).slope) if len(last) > 1 else 0.0


def level(values: Array) -> float:
    """Return where a curve ends: the median of its last third, at most five values."""
    return float(np.median(values[-min(max(len(values) // 3, 1), 5) :]))


def inflection(values: Array) -> int:
    """Return the epoch at which a loss stops falling: the minimum of its running median of three."""
    if len(values) < 3:
        return int(np.argmin(values))
    padded = np.concatenate([values[:1], values, values[-1:]])
    smoothed = np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)
    near = int(smoothed.argmin())
    window = slice(max(near - 1, 0), near + 2)
    return int(window.start + values[window].argmin())


def turning_point(values: Array) -> int | None:
    """Return the inflection of a curve that rises after it, beyond noise; None where it does not.

    >>> turning_point(np.array([5.0, 3.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    2
    >>> turning_point(np.array([5.0, 3.0, 2.0, 1.5, 1.5, 1.4, 1.5])) is None
    True
    """
    turn = inflection(values)
    risen = level(values[turn:]) - values[turn]
    if turn >= len(values) - 2 or risen <= max(2 * noise(values), RISE * abs(values[turn])):
        return None
    return turn


def auroc_error(value: float, positives: int, negatives: int) -> float:
    """Return the standard error of an AUROC (Hanley and McNeil 1982), NaN without both classes.

    A perfect order has an error too: it is taken for one that is half a pair from perfect.

    >>> round(auroc_error(0.5, 50, 50), 4)
    0.058
    """
    if not positives or not negatives:
        return float("nan")
    value = min(value, 1 - 0.5 / (positives * negatives))
    first, second = value / (2 - value), 2 * value**2 / (1 + value)
    variance = (
        value * (1 - value)
        + (positives - 1) * (first - value**2)
        + (negatives - 1) * (second - value**2)
    ) / (positives * negatives)
    return float(np.sqrt(max(variance, 0.0)))
