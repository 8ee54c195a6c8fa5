"""What the measures of a run's explanations say in plain words, for the top of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STILL_ALIKE = 0.5
"""Spearman's correlation from which on an explanation is said to survive forgetting: above it, more
than a quarter of the ranks' variance is explained by what was never learnt."""


def warnings_of(found: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each finding that a reader of the report must not miss.

    Args:
        found: The object of ``explanations.json`` with its measures.
    """
    marker, sanity = found.get("marker") or {}, found.get("sanity") or {}
    lines = [*_marker(marker)]
    for name in unlearnt(sanity):
        value = sanity["methods"][name]["spearman"][-1]
        lines.append(
            f"Sanity check: {name} stays alike when the network forgets all it has learnt "
            f"(Spearman {_shown(value)}), so it shows the image rather than the network."
        )
    return lines


def unlearnt(sanity: Mapping[str, Any]) -> list[str]:
    """Return the methods whose heat stays alike when the network forgets everything."""
    return [
        name
        for name, levels in (sanity.get("methods") or {}).items()
        if levels["spearman"] and (levels["spearman"][-1]["value"] or 0.0) >= STILL_ALIKE
    ]


def _marker(marker: Mapping[str, Any]) -> list[str]:
    lines = []
    if "removal" in marker.get("evidence", ()):
        change, beside = (marker[key]["change"] for key in ("removal", "beside"))
        lines.append(
            "The model looks at the burned-in marker: painting it over changes the mean "
            f"probability of abnormal by {_shown(change, signed=True)} on "
            f"{marker['removal']['n']} images; the same patch on the other side changes it by "
            f"{_shown(beside, signed=True)}."
        )
    if "insertion" in marker.get("evidence", ()):
        change = marker["insertion"]["change"]
        lines.append(
            "The model looks at the burned-in marker: burning one in changes the mean probability "
            f"of abnormal by {_shown(change, signed=True)} on {marker['insertion']['n']} images "
            "without one."
        )
    return lines


def _shown(estimate: Mapping[str, Any], *, signed: bool = False) -> str:
    value, ci = estimate["value"], estimate["ci"]
    if value is None:
        return "not estimable"
    if ci is None:
        return f"{_number(value, signed)} (no interval)"
    return f"{_number(value, signed)} ({_number(ci[0], signed)} to {_number(ci[1], signed)})"


def _number(value: float, signed: bool) -> str:
    shown = round(value, 3) + 0.0  # never -0.000
    return f"{shown:+.3f}" if signed and shown else f"{shown:.3f}"
