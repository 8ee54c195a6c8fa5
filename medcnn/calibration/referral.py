"""Which cases go to a radiologist: a rule, and the cutoff of doubt that validation gives it.

Legend: V validation cases; ``doubt`` is higher where the model knows less.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medcnn.errors import ConfigError, unknown_name
from medcnn.metrics.estimate import FloatArray, IntArray
from medcnn.metrics.rules import read_target
from medcnn.notices import Notice

TARGETS = ("npv", "ppv", "sensitivity", "specificity", "accuracy")
MEASURES = ("entropy", "mutual_information", "margin", "conformal", "distance")


@dataclass(frozen=True, slots=True)
class ReferRule:
    """A parsed rule.

    Attributes:
        kind: ``share`` or one of ``TARGETS``.
        text: The rule in its canonical spelling.
        value: The share, or what the cases that are kept have to reach.
    """

    kind: str
    text: str
    value: float


@dataclass(frozen=True)
class Referral:
    """A fitted referral: cases with more doubt than ``cutoff`` go to a radiologist.

    Attributes:
        rule: The rule's text.
        by: The measure of doubt.
        cutoff: Doubt above which a case is referred; None refers every case.
        n: Validation cases that it was fitted on.
        referred: How many of those it refers.
        reached: What the target came to on the validation cases kept; None for a share.
        note: What a reader has to know.
    """

    rule: str
    by: str
    cutoff: float | None
    n: int
    referred: int
    reached: float | None = None
    note: str = ""

    def refers(self, doubt_N: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which cases go to a radiologist; an unknown doubt (NaN) always does."""
        doubt = np.asarray(doubt_N, dtype=np.float64)
        if self.cutoff is None:
            return np.ones(len(doubt), dtype=bool)
        return ~(doubt <= self.cutoff)


def parse_refer(rule: str | float) -> ReferRule:
    """Return the rule that a text or a number means.

    >>> parse_refer("10 %").value, parse_refer("npv >= 0.99").kind
    (0.1, 'npv')

    Raises:
        ConfigError: If it cannot be read.
    """
    text = re.sub(r"\s+", "", str(rule)).lower()
    percent = re.fullmatch(r"([0-9.]+)%", text)
    target = read_target(text)
    if target and target[0] not in TARGETS:
        raise unknown_name("referral target", target[0], TARGETS)
    try:
        if percent:
            value, kind = float(percent.group(1)) / 100, "share"
        elif target:
            value, kind = float(target[1]), target[0]
        else:
            value, kind = float(text), "share"
    except ValueError:
        value, kind = math.nan, "share"
    if not 0 <= value <= 1 or isinstance(rule, bool):
        raise ConfigError(
            f"The referral rule {rule!r} cannot be read.",
            expected="a share such as 10%, or npv>=0.99, sensitivity>=0.98, specificity>=0.95, …",
            found=repr(rule),
            remedy="write it like one of these",
        )
    shown = f"{100 * value:g}%" if kind == "share" else f"{kind}>={value:g}"
    return ReferRule(kind, shown, value)


def fit_referral(
    rule: ReferRule, by: str, doubt_V: npt.ArrayLike, label_V: IntArray, called_V: IntArray
) -> Referral:
    """Return the cutoff that ``rule`` takes on validation.

    A share refers as near to it as ties of doubt allow. A target refers the fewest cases with which
    the rest reaches it, decided at the frozen threshold; where no rest does, all are referred and
    the note says so. Either is the best on validation, so expect a little less on new cases.

    Args:
        rule: As ``parse_refer`` returns it.
        by: The name of the measure of doubt.
        doubt_V: Doubt of each validation case.
        label_V: 0 normal, 1 abnormal.
        called_V: The decision at the frozen threshold, 0 or 1.
    """
    doubt = np.asarray(doubt_V, dtype=np.float64)
    n = len(doubt)
    levels, counts = np.unique(doubt, return_counts=True)
    kept_K = np.cumsum(counts)
    if rule.kind == "share":
        return _by_share(rule, by, levels, kept_K, n)
    order = np.argsort(doubt, kind="stable")
    reached_K = _reached(rule.kind, label_V[order], called_V[order])[kept_K - 1]
    good = np.flatnonzero(reached_K >= rule.value - 1e-12)
    if not len(good):
        best = np.nanmax(reached_K, initial=-math.inf)
        note = Notice("refer_none", rule=rule.text)
        if math.isfinite(best):
            note = Notice("refer_all", rule=rule.text, best=float(best))
        return Referral(rule.text, by, None, n, n, None, note)
    at = int(good[-1])
    return Referral(rule.text, by, _above(levels, at), n, n - int(kept_K[at]), float(reached_K[at]))


def _by_share(rule: ReferRule, by: str, levels: FloatArray, kept_K: IntArray, n: int) -> Referral:
    wanted = round(rule.value * n, 9)
    referred_K = np.concatenate(([n], n - kept_K))
    at = int(np.argmin(np.abs(referred_K - wanted)))
    referred = int(referred_K[at])
    note = ""
    if abs(referred - wanted) > max(0.5, 0.2 * wanted) + 1e-9:
        note = Notice("refer_ties", rule=rule.text, cases=n, by=by)
    return Referral(
        rule.text, by, None if at == 0 else _above(levels, at - 1), n, referred, note=note
    )


def _above(levels: FloatArray, at: int) -> float:
    """Return a cutoff midway to the next level of doubt, so that last digits change no side."""
    following = levels[at + 1] if at + 1 < len(levels) else levels[at] + 1.0
    middle = levels[at] / 2 + following / 2
    return float(middle if middle < following else levels[at])


def _reached(kind: str, label: IntArray, called: IntArray) -> FloatArray:
    """Return the measure over the first 1, 2, … cases; NaN where nothing decides it."""
    counted = {
        "npv": called == 0,
        "ppv": called == 1,
        "sensitivity": label == 1,
        "specificity": label == 0,
        "accuracy": np.ones(len(label), dtype=bool),
    }[kind]
    right = np.cumsum(counted & (label == called)).astype(np.float64)
    whole = np.cumsum(counted).astype(np.float64)
    undecided = np.full(len(right), np.nan)
    return np.asarray(np.divide(right, whole, out=undecided, where=whole > 0))
