"""The headline of results as lines for the console."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medcnn.console import say

HEADLINE = (("sensitivity", "sensitivity"), ("specificity", "specificity"), ("AUROC", "auroc"))


def announce(results: Mapping[str, Any], report: Path) -> None:
    """Print the headline numbers with their intervals, the warnings, and where the report is."""
    threshold = results["threshold"]
    say("")
    say(
        f"{results['split']}: {results['n']} images of {results['n_patients']} patients, "
        f"prevalence {results['prevalence']:.3f}"
    )
    origin = "given" if threshold["rule"] == "fixed" else f"chosen on {threshold['chosen_on']}"
    say(f"threshold    {threshold['value']:.4f} ({threshold['rule']}, {origin}, frozen)")
    for name, key in HEADLINE:
        say(f"{name:12} {show_estimate(results[key])}")
    for text in results.get("warnings", []):
        say(f"warning      {text}")
    say(f"report       {report}")


def show_estimate(estimate: Mapping[str, Any] | None) -> str:
    """Return ``0.912 (95 % CI 0.871 to 0.942, wilson)``, or say that it is not estimable.

    >>> show_estimate({"value": 0.5, "ci": [0.2, 0.8], "method": "wilson"})
    '0.500 (95 % CI 0.200 to 0.800, wilson)'
    >>> show_estimate({"value": None, "ci": None, "method": "wilson"})
    'not estimable'
    """
    if estimate is None or estimate["value"] is None:
        return "not estimable"
    if estimate["ci"] is None:
        return f"{estimate['value']:.3f} (no interval)"
    low, high = estimate["ci"]
    return f"{estimate['value']:.3f} (95 % CI {low:.3f} to {high:.3f}, {estimate['method']})"


def announce_comparison(found: Mapping[str, Any], path: Path) -> None:
    """Print the paired tests of two runs, and where their numbers are."""
    for name, value in found.items():
        if isinstance(value, Mapping) and "p_value" in value:
            say(f"{name:24} difference {value.get('difference')}, p = {value['p_value']:.4g}")
    say(f"comparison   {path}")
