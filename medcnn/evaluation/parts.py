"""The parts of results: what is measured of a set of cases, each number an Estimate.

The names of the fields are the keys of ``results.json``; see ``medcnn.files.records``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from medcnn.calibration.calibrator import Calibrator
from medcnn.files.records import ABSENT
from medcnn.metrics.calibration import Reliability
from medcnn.metrics.decision import Confusion
from medcnn.metrics.estimate import Estimate

HEADLINE = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "auroc")


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What is asked of a test first, at its threshold; the AUROC at all of them."""

    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    accuracy: Estimate
    auroc: Estimate


@dataclass(frozen=True)
class Decisions:
    """What else is made of the decisions at the threshold.

    Attributes:
        balanced_accuracy: Mean of sensitivity and specificity.
        f1: Harmonic mean of sensitivity and PPV.
        mcc: Matthews' correlation.
    """

    balanced_accuracy: Estimate
    f1: Estimate
    mcc: Estimate


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How many cases a headline speaks of, and the share of them that is abnormal."""

    n: int
    prevalence: float


@dataclass(frozen=True, kw_only=True)
class UnitResults(Headline, Counted):
    """The headline of studies or patients."""


@dataclass(frozen=True, kw_only=True)
class Automatic:
    """The cases that were not referred; only their number where there are none."""

    n: int
    sensitivity: Estimate | None = field(default=None, metadata=ABSENT)
    specificity: Estimate | None = field(default=None, metadata=ABSENT)
    ppv: Estimate | None = field(default=None, metadata=ABSENT)
    npv: Estimate | None = field(default=None, metadata=ABSENT)
    accuracy: Estimate | None = field(default=None, metadata=ABSENT)
    auroc: Estimate | None = field(default=None, metadata=ABSENT)
    confusion: Confusion | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class Target:
    """What a rule promised on validation, and what came of it.

    Attributes:
        metric: ``sensitivity``, ``specificity``, ….
        wanted: What was promised.
        reached: What these cases show; None where they cannot.
        met: Whether the promise was kept; None where that cannot be told.
    """

    metric: str
    wanted: float
    reached: Estimate | None
    met: bool | None


@dataclass(frozen=True)
class ChosenPoint:
    """What became of the chosen threshold on these cases.

    Attributes:
        target: The promise of a rule such as ``sensitivity>=0.95``; None where it promised nothing.
        youden_lost: How much higher Youden's index is at the best threshold for these very cases.
    """

    target: Target | None
    youden_lost: Estimate


@dataclass(frozen=True)
class BrierParts:
    """The Brier score as reliability - resolution + uncertainty + within, in bins of equal width."""

    reliability: Estimate
    resolution: Estimate
    within: Estimate
    uncertainty: Estimate


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How far the probabilities can be taken at their word.

    Attributes:
        brier: Mean squared distance of probability and label.
        nll: Mean negative log-likelihood, in nats.
        ece: Expected calibration error: the distance of mean probability and share of abnormal, in
            ``bins`` bins of equal width, each counted by its cases.
        ece_equal_mass: The same in as many bins of equally many cases.
        ace: The same in these bins, each bin counting alike.
        mce: The largest distance in any bin of equal width.
        bins: The number of bins.
        slope: Of the logistic regression of the label on the logit; 1 is right, below 1 the
            probabilities are too extreme.
        intercept: Of the same with the slope held at 1 (calibration in the large); 0 is right, above
            0 the probabilities are too low.
        brier_decomposition: What the Brier score is made of.
        reliability: The reliability diagram, bin by bin.
        temperature: What the logits were divided by; None where that is not known.
        calibrator: What made probabilities of the logits, where that is known.
    """

    brier: Estimate
    nll: Estimate
    ece: Estimate
    ece_equal_mass: Estimate
    ace: Estimate
    mce: Estimate
    bins: int
    slope: Estimate
    intercept: Estimate
    brier_decomposition: BrierParts
    reliability: tuple[Reliability, ...]
    temperature: float | None = None
    calibrator: Calibrator | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class LikelihoodRatios:
    """How much a decision changes the odds of abnormal."""

    positive: Estimate
    negative: Estimate
    diagnostic_odds_ratio: Estimate


@dataclass(frozen=True)
class PredictiveValues:
    """Predictive values at a stated prevalence, from sensitivity and specificity."""

    prevalence: float
    ppv: Estimate
    npv: Estimate


@dataclass(frozen=True)
class NetBenefit:
    """Net benefit at a threshold probability, and that of calling all cases abnormal."""

    threshold: float
    net_benefit: Estimate
    all: Estimate


@dataclass(frozen=True)
class OperatingPoint:
    """Sensitivity and specificity at a threshold, and whether it is the chosen one."""

    threshold: float
    chosen: bool
    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True)
class Unit:
    """What a case is.

    Attributes:
        level: ``image``, ``study`` or ``patient``.
        aggregate: How the probabilities of its images became one; None for images.
        images: How many images the cases hold.
    """

    level: str
    aggregate: str | None
    images: int
