"""The estimates of results in the order in which the report prints them."""

from __future__ import annotations

from medcnn.evaluation.results import Results
from medcnn.metrics.estimate import Estimate

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


def named_estimates(results: Results) -> dict[str, Estimate]:
    """Return the measures of all cases by name."""
    return {name: getattr(results, name) for name in MEASURES}


def conditional_estimates(results: Results) -> list[tuple[str, float, Estimate]]:
    """Return sensitivity at fixed specificities and the reverse, as (key, fixed value, estimate)."""
    families = ("sensitivity_at_specificity", "specificity_at_sensitivity")
    return [
        (key, float(fixed), estimate)
        for key in families
        for fixed, estimate in getattr(results, key).items()
    ]
