"""What an adaptation came to: before and after on the cases that were not used for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.elsewhere import AtHome
from medcnn.evaluation.readers import paired_shares
from medcnn.files.records import ABSENT
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.sample_size import for_width
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice

EDGES = (0.02, 0.98)
"""Within which an expected share is kept: a sample that shows 1.0 does not prove it."""


@dataclass(frozen=True, kw_only=True)
class Parent:
    """The run that was adapted.

    Attributes:
        path: Where it was.
        checkpoint_sha256: Of its checkpoint, or of each member's.
        judgement_sha256: Of its judgement.
        threshold: Its operating point.
    """

    path: str
    checkpoint_sha256: tuple[str, ...]
    judgement_sha256: str
    threshold: Threshold


@dataclass(frozen=True, kw_only=True)
class Needed:
    """How many labelled cases intervals of a width need, at what the labelled ones showed.

    Attributes:
        width: The wanted full width.
        positives: Abnormal cases, for the sensitivity.
        negatives: Normal cases, for the specificity.
        total: Cases to draw at the prevalence here so that both are expected.
    """

    width: float
    positives: int
    negatives: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """The object of ``adaptation.json``.

    Attributes:
        parent: The run that was adapted.
        source: The name of the data.
        images: Labelled images that were used.
        patients: Of how many patients.
        abnormal: How many of them are abnormal.
        seed: Of their draw.
        kind: What moved: ``intercept`` or ``platt``.
        slope: On the log odds of the parent's calibrator.
        intercept: Likewise.
        threshold: The new operating point.
        smoothed: Whether few cases counted as their probabilities said when it was chosen.
        batch_norm: Layers of BatchNorm whose statistics are of the images here.
        head: How far each member's last layer was let move the log odds of a case (SD); 0: it stays.
        cross_fitted: The labelled cases, each judged by a refit without its patient.
        before: The parent at its frozen threshold on the cases that were not used.
        after: The new run on the same.
        differences: After minus before, paired.
        needed: For intervals of the wanted width.
    """

    parent: Parent
    source: str
    images: int
    patients: int
    abnormal: int
    seed: int
    kind: str
    slope: float
    intercept: float
    threshold: Threshold
    smoothed: bool
    batch_norm: tuple[str, ...] = ()
    head: tuple[float, ...] = ()
    cross_fitted: AtHome
    before: AtHome | None = field(default=None, metadata=ABSENT)
    after: AtHome | None = field(default=None, metadata=ABSENT)
    differences: dict[str, Estimate] = field(default_factory=dict)
    needed: Needed

    def sentences(self) -> list[Notice]:
        """Return what a reader of the new run's results has to know."""
        told = [
            Notice(
                "adapted",
                images=self.images,
                patients=self.patients,
                abnormal=self.abnormal,
                kind=self.kind,
                before=self.parent.threshold.value,
                after=self.threshold.value,
            )
        ]
        if self.batch_norm:
            told.append(Notice("adapted_norms", layers=len(self.batch_norm)))
        if self.head:
            moved = sum(each > 0 for each in self.head)
            key = "adapted_head" if moved else "adapted_head_stays"
            told.append(Notice(key, moved=moved, of=len(self.head), most=max(self.head)))
        if self.before is None or self.after is None:
            told.append(Notice("adapted_all"))
        else:
            for name in ("sensitivity", "specificity"):
                told += _changed(name, self.before, self.after, self.differences)
        told.append(Notice("adapted_needed", **vars(self.needed)))
        return told


def _changed(
    name: str, before: AtHome, after: AtHome, differences: dict[str, Estimate]
) -> list[Notice]:
    one: Estimate = getattr(before, name)
    other: Estimate = getattr(after, name)
    apart = differences.get(name)
    if one.value is None or other.value is None or apart is None or apart.ci is None:
        return []
    low, high = apart.ci
    facts = {"before": one.value, "after": other.value, "low": low, "high": high, "n": after.n}
    return [Notice("adapted_changed", measure=name, **facts)]


def paired_changes(
    before: pd.DataFrame, at: float, after: pd.DataFrame, new: float, level: float
) -> dict[str, Estimate]:
    """Return the changes of sensitivity and specificity on the same cases, after minus before.

    Args:
        before: Predictions of the parent.
        at: Its threshold.
        after: Predictions of the new run, row by row of the same cases.
        new: Its threshold.
        level: Nominal coverage.
    """
    called = [
        (table["p_abnormal"].to_numpy(np.float64) >= value).astype(np.int64)
        for table, value in ((after, new), (before, at))
    ]
    _, differences = paired_shares(cases_of(after), called[0], called[1], level)
    return {name: differences[name] for name in ("sensitivity", "specificity")}


def cases_needed(found: AtHome, width: float, level: float) -> Needed:
    """Return how many labelled cases give intervals of a width, at what was found."""
    shown = (found.sensitivity.value, found.specificity.value)
    likely = (0.5 if each is None else float(np.clip(each, *EDGES)) for each in shown)
    positives, negatives = (for_width(each, width, level) for each in likely)
    share = min(max(found.prevalence, 1e-3), 1 - 1e-3)
    total = max(math.ceil(positives / share), math.ceil(negatives / (1 - share)))
    return Needed(width=width, positives=positives, negatives=negatives, total=total)
