"""Tables, and estimates as lines of them, ready to print in the report's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from medcnn.evaluation.results import Results
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
        "specificity",
        "specificity_at_sensitivity",
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


HEADLINE = ("sensitivity", "specificity", "auroc")
MEASURES = (
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "mcc",
    "auroc",
    "average_precision",
)


@dataclass(frozen=True)
class Table:
    """A table of texts; the first cell of a row names it."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table_of(header: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table | None:
    """Return a table, or None where it has no row."""
    found = tuple(rows)
    return Table(tuple(header), found) if found else None


def named(keys: Sequence[str], words: Wording) -> list[str]:
    """Return what measures are called, for a header."""
    return [words.measure(key) for key in keys]


def measured(found: object, keys: Sequence[str], words: Wording) -> list[str]:
    """Return the estimates of a record as cells of a row.

    Args:
        found: Has an ``Estimate`` or None under each of the keys.
        keys: Of measures.
        words: The language.
    """
    return [with_interval(key, getattr(found, key), words) for key in keys]


def conditional_estimates(results: Results) -> list[tuple[str, float, Estimate]]:
    """Return sensitivity at fixed specificities and the reverse, as (key, fixed value, estimate)."""
    families = ("sensitivity_at_specificity", "specificity_at_sensitivity")
    return [
        (key, float(fixed), estimate)
        for key in families
        for fixed, estimate in getattr(results, key).items()
    ]


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
    """Return an estimate as one text: ``91.2% (87.1% – 94.2%)``."""
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
