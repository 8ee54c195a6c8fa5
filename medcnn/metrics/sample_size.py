"""How many cases a study needs, for an interval of a wanted width or for the power of a test."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from medcnn.errors import ConfigError
from medcnn.files.records import Saved
from medcnn.metrics.proportions import normal_quantile, proportion

LARGEST = 10_000_000


@dataclass(frozen=True)
class Plan(Saved):
    """The cases to collect.

    Attributes:
        positives: Abnormal cases, None where nothing asked for them.
        negatives: Normal cases, likewise.
        total: Cases to draw at ``prevalence`` so that both are expected.
        prevalence: The share of abnormal cases that ``total`` assumes.
        basis: How each number came about, for the protocol.
    """

    positives: int | None
    negatives: int | None
    total: int
    prevalence: float
    basis: tuple[str, ...]


def plan(
    *,
    sensitivity: float | None = None,
    specificity: float | None = None,
    auroc: float | None = None,
    width: float | None = None,
    null: float | None = None,
    power: float = 0.8,
    prevalence: float = 0.5,
    level: float = 0.95,
    design_effect: float = 1.0,
) -> Plan:
    """Return the positives and negatives for a wanted precision or power.

    With ``width``, the whole interval (Wilson for proportions, Hanley and McNeil for the AUROC) of
    the expected value is at most that wide. With ``null``, an exact one-sided binomial test at
    ``(1 - level) / 2`` rejects "sensitivity <= null" with at least that power at every larger
    number of cases too.

    Args:
        sensitivity: Expected sensitivity; asks for positives.
        specificity: Expected specificity; asks for negatives.
        auroc: Expected AUROC; asks for both at ``prevalence``. Needs ``width``.
        width: Wanted full width of the interval.
        null: The value to be beaten, instead of ``width``.
        power: Wanted power against ``null``.
        prevalence: Share of abnormal cases among those collected.
        level: Nominal coverage.
        design_effect: How many images of a patient are worth one independent image, at least 1.

    Raises:
        ConfigError: If nothing, or something impossible, is asked for.
    """
    asked = [value for value in (sensitivity, specificity, auroc) if value is not None]
    if not asked or (width is None) == (null is None):
        raise ConfigError(
            "A plan needs what to estimate, and either a width or a null value.",
            expected="for example sensitivity=0.95 width=0.05",
            remedy="give sensitivity, specificity or auroc, and width or null",
        )
    if null is not None and (auroc is not None or any(value <= null for value in asked)):
        raise ConfigError(
            "The null value must lie below the expected sensitivity or specificity.",
            found=f"null={null:g}",
            remedy="lower null; plan the AUROC by width",
        )
    counts: dict[str, int] = {}
    basis: list[str] = []
    for name, value, kind in (
        ("sensitivity", sensitivity, "positives"),
        ("specificity", specificity, "negatives"),
    ):
        if value is None:
            continue
        if width is not None:
            cases = for_width(value, width, level)
            why = f"a Wilson interval of width {width:g} around {name} {value:g}"
        else:
            cases = for_power(value, float(null or 0.0), power, level)
            why = f"power {power:g} to show {name} above {null:g} when it is {value:g}"
        counts[kind] = math.ceil(cases * design_effect)
        basis.append(f"{counts[kind]} {kind} for {why}")
    if auroc is not None and width is not None:
        positives, negatives = for_auroc_width(auroc, width, prevalence, level)
        for kind, cases in (("positives", positives), ("negatives", negatives)):
            counts[kind] = max(counts.get(kind, 0), math.ceil(cases * design_effect))
        basis.append(
            f"{positives} positives and {negatives} negatives for an interval of width {width:g} "
            f"around AUROC {auroc:g} (Hanley and McNeil 1982)"
        )
    if design_effect != 1:
        basis.append(f"multiplied by a design effect of {design_effect:g}")
    total = max(
        math.ceil(counts.get("positives", 0) / prevalence),
        math.ceil(counts.get("negatives", 0) / (1 - prevalence)),
    )
    return Plan(counts.get("positives"), counts.get("negatives"), total, prevalence, tuple(basis))


def for_width(expected: float, width: float, level: float = 0.95) -> int:
    """Return the fewest cases whose Wilson interval around ``expected`` is at most ``width``."""
    return _smallest(lambda n: (proportion(expected * n, n, level=level).width or 1.0) <= width)


def for_power(expected: float, null: float, power: float = 0.8, level: float = 0.95) -> int:
    """Return the fewest cases from which on the exact test of ``> null`` keeps its power.

    The power of an exact test saws up and down with the number of cases; the number returned is
    past the last fall below ``power``.
    """
    alpha = (1 - level) / 2
    approximate = _normal_power_cases(expected, null, power, alpha)
    n = np.arange(1, 2 * approximate + 100)
    critical = stats.binom.ppf(1 - alpha, n, null)
    weak = np.flatnonzero(stats.binom.sf(critical, n, expected) < power)
    return int(n[weak[-1]]) + 1 if len(weak) else 1


def for_auroc_width(
    expected: float, width: float, prevalence: float = 0.5, level: float = 0.95
) -> tuple[int, int]:
    """Return positives and negatives for an AUROC interval of at most ``width``.

    The variance is that of Hanley and McNeil, Radiology 143 (1982) 29-36.
    """
    z = normal_quantile(level)

    def split(total: int) -> tuple[int, int]:
        positives = max(1, math.ceil(total * prevalence))
        return positives, max(1, total - positives)

    total = _smallest(lambda n: 2 * z * _hanley_mcneil(expected, *split(n)) <= width)
    return split(total)


def _hanley_mcneil(value: float, positives: int, negatives: int) -> float:
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    spread = value * (1 - value) + (positives - 1) * (q1 - value**2)
    return math.sqrt((spread + (negatives - 1) * (q2 - value**2)) / (positives * negatives))


def _normal_power_cases(expected: float, null: float, power: float, alpha: float) -> int:
    reach = -special.ndtri(alpha) * math.sqrt(null * (1 - null))
    reach += special.ndtri(power) * math.sqrt(expected * (1 - expected))
    return math.ceil((reach / (expected - null)) ** 2)


def _smallest(enough: Callable[[int], bool]) -> int:
    high = 2
    while not enough(high):
        high *= 2
        if high > LARGEST:
            raise ConfigError(
                "No study of up to ten million cases is that precise.",
                remedy="ask for a wider interval",
            )
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
