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
    counted = counted_cases(results["n"], results["n_patients"], results.get("unit"))
    say(f"{results['split']}: {counted}, prevalence {results['prevalence']:.3f}")
    origin = "given" if threshold["rule"] == "fixed" else f"chosen on {threshold['chosen_on']}"
    say(f"threshold    {threshold['value']:.4f} ({threshold['rule']}, {origin}, frozen)")
    for name, key in HEADLINE:
        say(f"{name:12} {show_estimate(results[key], results.get('level', 0.95))}")
    for text in results.get("warnings", []):
        say(f"warning      {text}")
    say(f"report       {report}")


def counted_cases(n: int, patients: int, unit: Mapping[str, Any] | None = None) -> str:
    """Return ``624 images of 500 patients``, or what else was counted.

    >>> counted_cases(40, 40, {"level": "patient", "images": 90})
    '40 patients (90 images)'
    """
    level = (unit or {}).get("level", "image")
    if level == "image":
        return f"{n} images of {patients} patients"
    images = f" ({unit['images']} images)" if unit and "images" in unit else ""
    return f"{n} patients{images}" if level == "patient" else f"{n} studies{images}"


def show_estimate(estimate: Mapping[str, Any] | None, level: float = 0.95) -> str:
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
    method = estimate["method"]
    return f"{estimate['value']:.3f} ({100 * level:g} % CI {low:.3f} to {high:.3f}, {method})"


def announce_comparison(found: Mapping[str, Any], page: Path) -> None:
    """Print both sides, their differences with p-values, the warnings, and where the page is."""
    first, second = found["names"]
    percent = f"{100 * found['level']:g} %"
    say("")
    unit = {"level": found.get("unit", "image")}
    say(f"{found['split']}: {counted_cases(found['n'], found['n_patients'], unit)}")
    say(f"{'':12} {first:>18} {second:>18}  {first} minus {second} ({percent} CI)")
    for name, difference in found["differences"].items():
        sides = [(found[side].get(name) or {}).get("value") for side in ("a", "b")]
        shown = "".join(f" {'–' if value is None else f'{value:.3f}':>18}" for value in sides)
        corrected = found["holm"].get(name)
        p_value = "" if corrected is None else f", p = {corrected:.3g} after Holm"
        say(f"{name:12}{shown}  {_signed(difference)}{p_value}")
    for name, result in (found.get("non_inferiority") or {}).items():
        if name != "margin":
            said = {True: "shown", False: "not shown", None: "not estimable"}[result]
            say(f"non-inferior {name} by {found['non_inferiority']['margin']:g}: {said}")
    for text in found["warnings"]:
        say(f"warning      {text}")
    say(f"comparison   {page}")


def _signed(difference: Mapping[str, Any]) -> str:
    if difference["value"] is None:
        return "not estimable"
    if difference["ci"] is None:
        return f"{difference['value']:+.3f} (no interval)"
    low, high = difference["ci"]
    return f"{difference['value']:+.3f} ({low:+.3f} to {high:+.3f})"
