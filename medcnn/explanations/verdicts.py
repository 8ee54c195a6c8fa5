"""What the measures of a run's explanations say in plain words, for the top of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medcnn.metrics.estimate import Estimate
from medcnn.notices import Notice

STILL_ALIKE = 0.5
"""Spearman's correlation from which on an explanation is said to survive forgetting: above it, more
than a quarter of the ranks' variance is explained by what was never learnt."""


def warnings_of(found: Mapping[str, Any]) -> list[Notice]:
    """Return a sentence for each finding that a reader of the report must not miss.

    Args:
        found: The object of ``explanations.json`` with its measures.
    """
    marker, sanity = found.get("marker") or {}, found.get("sanity") or {}
    lines = [*_marker(marker)]
    for name in unlearnt(sanity):
        value = sanity["methods"][name]["spearman"][-1]
        lines.append(Notice("not_forgotten", method=name, value=_shown(value)))
    return lines


def unlearnt(sanity: Mapping[str, Any]) -> list[str]:
    """Return the methods whose heat stays alike when the network forgets everything."""
    return [
        name
        for name, levels in (sanity.get("methods") or {}).items()
        if levels["spearman"] and (levels["spearman"][-1]["value"] or 0.0) >= STILL_ALIKE
    ]


def _marker(marker: Mapping[str, Any]) -> list[Notice]:
    lines = []
    if "removal" in marker.get("evidence", ()):
        change, beside = (_shown(marker[key]["change"], "signed_") for key in ("removal", "beside"))
        images = marker["removal"]["n"]
        lines.append(Notice("marker_removed", change=change, beside=beside, images=images))
    if "insertion" in marker.get("evidence", ()):
        change = _shown(marker["insertion"]["change"], "signed_")
        lines.append(Notice("marker_burnt_in", change=change, images=marker["insertion"]["n"]))
    return lines


def _shown(raw: Mapping[str, Any], sign: str = "") -> Notice:
    estimate = Estimate.from_json(raw)
    if estimate.value is None:
        return Notice("not_estimable")
    value = round(estimate.value, 3) + 0.0  # never -0.000
    if estimate.ci is None:
        return Notice(f"{sign}value", value=value)
    low, high = (round(end, 3) + 0.0 for end in estimate.ci)
    return Notice(f"{sign}interval", value=value, low=low, high=high)
