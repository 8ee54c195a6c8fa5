"""What a reader of results has to know before the numbers are believed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from medcnn.evaluation.cases import Cases
from medcnn.evaluation.subgroups import FEW, Subgroup
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice

WRONG_WAY = 0.5
"""An AUROC whose whole interval lies below ranks the classes the wrong way round."""


def of_cases(rows: pd.DataFrame, cases: Cases, threshold: Threshold, split: str) -> list[Notice]:
    """Return what is to be said of the cases and of their threshold.

    An image in several rows counts several times, and a threshold has to be fixed before the cases
    are seen.
    """
    found = of_classes(cases, split)
    if repeated := int(rows["image_id"].duplicated().sum()):
        found.append(Notice("repeated", count=repeated, split=split))
    if threshold.chosen_on == split:
        found.append(Notice("same_split", split=split))
    return found


def of_classes(cases: Cases, split: str) -> list[Notice]:
    """Return what is to be said about absent and rare classes."""
    found: list[Notice] = []
    for count, name in ((cases.positives, "abnormal"), (cases.negatives, "normal")):
        if count == 0:
            found.append(Notice("no_case", name=name, split=split))
        elif count < FEW:
            found.append(Notice("few_cases", n=count, name=name, split=split))
    return found


def of_scores(cases: Cases, auroc: Estimate, split: str) -> list[Notice]:
    """Return what is to be said of scores that are none, or of the other class."""
    found = []
    if cases.decided:
        found.append(Notice("all_decisions", split=split))
    if auroc.high is not None and auroc.high < WRONG_WAY:
        found.append(Notice("other_class", value=auroc.value, low=auroc.low, high=auroc.high))
    return found


def of_gaps(entries: Sequence[Subgroup], level: float = 0.95) -> list[Notice]:
    """Return a sentence for every gap that survives the correction, and one on small groups."""
    found: list[Notice] = []
    for entry in entries:
        for metric, gap in entry.gaps.items():
            corrected, value = gap.p_holm, gap.difference.value
            if corrected is not None and corrected < 1 - level:
                found.append(
                    Notice("gap", metric=metric, group=entry.title, value=value, p=corrected)
                )
    small = [entry.title for entry in entries if entry.small]
    if small:
        found.append(Notice("small_groups", few=FEW, groups=small))
    return found
