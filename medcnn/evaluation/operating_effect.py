"""What the share of images that is called abnormal says of a frozen threshold, without a label.

With c the share called abnormal, π the prevalence, s the sensitivity and f the specificity,
c = π s + (1 - π)(1 - f). Two of the three unknowns have to come from elsewhere, and each statement
says from where.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import pandas as pd

from medcnn.calibration.prior_shift import Trust
from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.measures import headline
from medcnn.files.records import ABSENT
from medcnn.metrics.estimate import Estimate
from medcnn.notices import Notice


@dataclass(frozen=True)
class Asked:
    """How a shift is looked for.

    Attributes:
        threshold: The frozen threshold.
        prevalence: The share of abnormal patients here, if the user knows it: low and high.
        permutations: How many the p-values rest on.
        level: Nominal coverage.
        seed: Of whatever is drawn.
    """

    threshold: float
    prevalence: tuple[float, float] | None = None
    permutations: int = 499
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class OperatingEffect:
    """What can be said of the operating point.

    Attributes:
        basis: ``unchanged``: nothing speaks against the specificity of home; ``given``: from a
            prevalence that the user gave; ``estimated``: from the prevalence that the scores tell;
            ``none``: it cannot be said.
        home_sensitivity: On validation, where the threshold was chosen.
        home_specificity: Likewise.
        specificity: Here: low and high; None where it cannot be said.
        at_least: The specificity here is at least this, whatever the prevalence, as long as abnormal
            images are called abnormal more often than images at large.
        prevalence: The prevalences that ``specificity`` assumes.
    """

    basis: str
    home_sensitivity: Estimate
    home_specificity: Estimate
    specificity: tuple[float, ...] | None = field(default=None, metadata=ABSENT)
    at_least: float
    prevalence: tuple[float, ...] | None = field(default=None, metadata=ABSENT)

    def sentences(self) -> list[Notice]:
        """Return it in words, with what it assumes."""
        home = self.home_specificity.value
        if self.basis == "unchanged":
            return [Notice("effect_unchanged", home=home)]
        floor = Notice("effect_floor", floor=self.at_least)
        if self.specificity is None or self.prevalence is None:
            return [Notice("effect_unknown"), floor]
        low, high = self.specificity
        side = "lower" if home is not None and high < home else "other"
        side = "higher" if home is not None and low > home else side
        facts = {"low": low, "high": high, "home": home}
        below, above = self.prevalence
        return [
            Notice(f"effect_{side}", **facts, below=below, above=above, basis=self.basis),
            floor,
        ]


def effect_of(
    home: pd.DataFrame,
    called: Estimate,
    prevalence: Estimate | None,
    trusted: Trust | None,
    verdict: str,
    asked: Asked,
) -> OperatingEffect:
    """Return what can be said of the frozen threshold among images without labels.

    Args:
        home: Validation predictions.
        called: The share of images that is called abnormal.
        prevalence: Estimated from the scores.
        trusted: Whether that estimate should be believed.
        verdict: Whether the images are from the population of home.
        asked: The threshold, and the prevalence where it is known.
    """
    known = headline(cases_of(home), asked.threshold, asked.level)
    sensitivity = known.sensitivity
    nothing = OperatingEffect(
        basis="none",
        home_sensitivity=sensitivity,
        home_specificity=known.specificity,
        at_least=max(0.0, 1.0 - (1.0 if called.high is None else called.high)),
    )
    if asked.prevalence is not None:
        within = specificity_within(called, sensitivity, asked.prevalence)
        return replace(nothing, basis="given", specificity=within, prevalence=asked.prevalence)
    if verdict == "same":
        return replace(nothing, basis="unchanged")
    if trusted is not None and trusted.trusted and prevalence is not None and prevalence.ci:
        within = specificity_within(called, sensitivity, prevalence.ci)
        return replace(nothing, basis="estimated", specificity=within, prevalence=prevalence.ci)
    return nothing


def specificity_within(
    called: Estimate, sensitivity: Estimate, prevalence: tuple[float, float]
) -> tuple[float, float] | None:
    """Return the lowest and highest specificity that fit, within [0, 1]; None where nothing does.

    All corners of the intervals of the share called abnormal, of the sensitivity (taken to be that of
    home) and of the prevalence are tried, which is wider than chance asks for.

    >>> sure = Estimate(0.9, (0.9, 0.9), "wilson")
    >>> low, high = specificity_within(Estimate(0.3, (0.3, 0.3), "wilson"), sure, (0.2, 0.2))
    >>> round(low, 3), round(high, 3)
    (0.85, 0.85)
    """
    if called.ci is None or sensitivity.ci is None:
        return None
    found = [
        1 - (c - p * s) / (1 - p)
        for c, s, p in product(called.ci, sensitivity.ci, prevalence)
        if p < 1
    ]
    if not found or min(found) > 1 or max(found) < 0:
        return None
    return float(np.clip(min(found), 0, 1)), float(np.clip(max(found), 0, 1))
