"""Estimates as lines of a table, ready to print in the report's language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medcnn.metrics.estimate import Estimate
from medcnn.reporting.wording import Wording

# Shares of cases, printed in per cent; everything else is printed as a number.
SHARES = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "coverage",
        "normal",
        "abnormal",
        "errors_caught",
        "expected",
        "flagged_share",
        "npv",
        "ppv",
        "prevalence",
        "risk",
        "risk_after",
        "risk_before",
        "sensitivity",
        "sensitivity_at_specificity",
        "share",
        "singleton_accuracy",
        "source_prevalence",
        "specificity",
        "specificity_at_sensitivity",
        "target_prevalence",
    }
)

# Ratios of any size, printed with three significant digits.
RATIOS = frozenset(
    {
        "positive_likelihood_ratio",
        "negative_likelihood_ratio",
        "diagnostic_odds_ratio",
        "number_needed_to_read",
    }
)


@dataclass(frozen=True)
class EstimateRow:
    """One line of a table of estimates, ready to print.

    Attributes:
        key: The key in ``results.json``.
        label: What it is called.
        value: The point estimate as text.
        interval: The interval as text, or that there is none.
        method: How the interval was made.
        bar: Value, low and high within [0, 1] for the drawn bar, or None.
    """

    key: str
    label: str
    value: str
    interval: str
    method: str
    bar: tuple[float, float, float] | None


def estimate_row(
    key: str, estimate: Estimate, words: Wording, fixed: float | None = None
) -> EstimateRow:
    """Return an estimate as text, in per cent where it is a share of cases."""
    show = shown_as(key, words)
    interval = words("common.no_interval")
    if estimate.low is not None and estimate.high is not None:
        interval = f"{show(estimate.low)} – {show(estimate.high)}"
    label = words.measure(key)
    if fixed is not None:
        label = words(f"measure.{key}", fixed=words.percent(fixed, 0))
    return EstimateRow(
        key=key,
        label=label,
        value=show(estimate.value),
        interval=interval if estimate.value is not None else "",
        method=words.method(estimate.method),
        bar=_bar(estimate),
    )


def shown_as(key: str, words: Wording) -> Callable[[float | None], str]:
    """Return how the numbers of a measure are printed."""
    if key in SHARES:
        return words.percent
    return words.significant if key in RATIOS else words.number


def with_interval(key: str, estimate: Estimate | None, words: Wording) -> str:
    """Return an estimate as one text: ``91.2 % (87.1 % – 94.2 %)``."""
    show = shown_as(key, words)
    if estimate is None:
        return show(None)
    text = show(estimate.value)
    if estimate.low is not None and estimate.high is not None:
        text += f" ({show(estimate.low)} – {show(estimate.high)})"
    return text


def _bar(estimate: Estimate) -> tuple[float, float, float] | None:
    if estimate.value is None or not 0 <= estimate.value <= 1:
        return None
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return estimate.value, max(low, 0.0), min(high, 1.0)
