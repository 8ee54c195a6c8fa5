"""A run on images of elsewhere, held against what it showed at home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.measures import headline
from medcnn.evaluation.parts import HEADLINE, Counted, Headline
from medcnn.evaluation.subgroups import difference
from medcnn.files.records import ABSENT
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice

TOLD = ("sensitivity", "specificity", "auroc")
"""The measures of which a difference is said in words; the others depend on the prevalence."""


@dataclass(frozen=True, kw_only=True)
class AtHome(Headline, Counted):
    """The headline at home, at its threshold.

    Attributes:
        split: The split of the run that it is of.
        n_patients: Their patients.
        threshold: Where its cases were decided.
    """

    split: str
    n_patients: int
    threshold: float


@dataclass(frozen=True, kw_only=True)
class External:
    """Where the images of an external validation come from, and what home had shown.

    Attributes:
        source: The name of the data.
        label_policy: How its labels came about.
        split: Which split of its release; None: all images.
        unreadable: Images that could not be read.
        home: The headline at home; None where it is not known.
        differences: Elsewhere minus home, by measure; the samples are independent.
    """

    source: str
    label_policy: str
    split: str | None = None
    unreadable: int = 0
    home: AtHome | None = field(default=None, metadata=ABSENT)
    differences: dict[str, Estimate] = field(default_factory=dict)


def at_home(table: pd.DataFrame, threshold: Threshold, split: str, level: float) -> AtHome:
    """Return the headline of a run's own cases.

    Args:
        table: Their predictions, all of one split.
        threshold: Where they are decided.
        split: What the split is called.
        level: Nominal coverage.
    """
    cases = cases_of(table)
    return AtHome(
        **vars(headline(cases, threshold.value, level)),
        n=len(table),
        n_patients=cases.patients,
        prevalence=float(cases.label.mean()),
        split=split,
        threshold=threshold.value,
    )


def differences(elsewhere: Headline, home: Headline) -> dict[str, Estimate]:
    """Return elsewhere minus home, each from the two intervals (Newcombe's square and add).

    The patients are others, so nothing is paired; for shares it is Newcombe's hybrid score interval,
    for the AUROC the same of the two DeLong intervals on the logit scale.
    """
    return {name: difference(getattr(elsewhere, name), getattr(home, name)) for name in HEADLINE}


def told_differences(found: Mapping[str, Estimate]) -> list[Notice]:
    """Return a sentence for each difference of which chance is no explanation."""
    told = []
    for name in TOLD:
        value, ci = found[name].value, found[name].ci
        if value is None or ci is None or ci[0] <= 0 <= ci[1]:
            continue
        key = "lower_elsewhere" if value < 0 else "higher_elsewhere"
        low, high = sorted(map(abs, ci))
        shown = name.upper() if name == "auroc" else name
        told.append(Notice(key, measure=shown, value=abs(value), low=low, high=high))
    return told
