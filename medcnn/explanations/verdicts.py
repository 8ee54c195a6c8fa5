"""What the measures of a run's explanations say in plain words, for the top of its report."""

from __future__ import annotations

from medcnn.evaluation.explained import MarkerTest, Sanity
from medcnn.metrics.estimate import Estimate
from medcnn.notices import Notice

STILL_ALIKE = 0.5
"""Spearman's correlation from which on an explanation is said to survive forgetting: above it, more
than a quarter of the ranks' variance is explained by what was never learnt."""


def warnings_of(marker: MarkerTest | None, sanity: Sanity | None) -> list[Notice]:
    """Return a sentence for each finding that a reader of the report must not miss."""
    lines = [] if marker is None else _marker(marker)
    if sanity is not None:
        for name in unlearnt(sanity):
            value = sanity.methods[name].spearman[-1]
            lines.append(Notice("not_forgotten", method=name, value=_shown(value)))
    return lines


def unlearnt(sanity: Sanity) -> list[str]:
    """Return the methods whose heat stays alike when the network forgets everything."""
    return [
        name
        for name, levels in sanity.methods.items()
        if levels.spearman and (levels.spearman[-1].value or 0.0) >= STILL_ALIKE
    ]


def _marker(marker: MarkerTest) -> list[Notice]:
    lines = []
    removal, insertion = marker.removal, marker.insertion
    if "removal" in marker.evidence:
        change, beside = (_shown(arm.change, "signed_") for arm in (removal, marker.beside))
        lines.append(Notice("marker_removed", change=change, beside=beside, images=removal.n))
    if "insertion" in marker.evidence:
        change = _shown(insertion.change, "signed_")
        lines.append(Notice("marker_burnt_in", change=change, images=insertion.n))
    return lines


def _shown(estimate: Estimate, sign: str = "") -> Notice:
    if estimate.value is None:
        return Notice("not_estimable")
    value = round(estimate.value, 3) + 0.0  # never -0.000
    if estimate.ci is None:
        return Notice(f"{sign}value", value=value)
    low, high = (round(end, 3) + 0.0 for end in estimate.ci)
    return Notice(f"{sign}interval", value=value, low=low, high=high)
