"""What a reader of results has to know before the numbers are believed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from medcnn.evaluation.cases import Cases
from medcnn.evaluation.subgroups import FEW, Subgroup
from medcnn.metrics.thresholds import Threshold


def of_cases(rows: pd.DataFrame, cases: Cases, threshold: Threshold, split: str) -> list[str]:
    """Return what is to be said of the cases and of their threshold."""
    return [
        *of_classes(cases, split),
        *of_repeats(rows, split),
        *of_threshold(threshold, split),
    ]


def of_classes(cases: Cases, split: str) -> list[str]:
    """Return what is to be said about absent and rare classes."""
    found = []
    for count, name in ((cases.positives, "abnormal"), (cases.negatives, "normal")):
        if count == 0:
            found.append(f"No {name} case on {split}: every number that needs one is null.")
        elif count < FEW:
            found.append(
                f"Only {count} {name} cases on {split}: read the intervals, not the values."
            )
    return found


def of_repeats(rows: pd.DataFrame, split: str) -> list[str]:
    """Return a warning where an image stands in several rows, and so counts several times."""
    repeated = int(rows["image_id"].duplicated().sum())
    if not repeated:
        return []
    return [f"{repeated} rows of {split} repeat an image_id: these images count several times."]


def of_threshold(threshold: Threshold, split: str) -> list[str]:
    """Return what is to be said where the threshold was not fixed before these cases were seen."""
    if threshold.chosen_on != split:
        return []
    return [
        f"THE THRESHOLD WAS CHOSEN ON {split.upper()}, the very cases it is judged on: "
        "sensitivity, specificity and all that depends on the threshold are too good to be true. "
        "Only cases that had no part in the choice can judge it."
    ]


def of_gaps(entries: Sequence[Subgroup], level: float = 0.95) -> list[str]:
    """Return a sentence for every gap that survives the correction, and one on small groups."""
    found = []
    for entry in entries:
        for metric, gap in entry.gaps.items():
            corrected, value = gap.p_holm, gap.difference.value
            if corrected is not None and corrected < 1 - level:
                found.append(
                    f"{metric} of {entry.title} differs from the rest by "
                    f"{value:+.3f} (p={corrected:.2g} after Holm)."
                )
    small = [entry.title for entry in entries if entry.small]
    if small:
        found.append(f"Fewer than {FEW} cases of a class in {', '.join(small)}: read with care.")
    return found
