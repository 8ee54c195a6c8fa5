"""The verdict: what was tested, on whom, and whether it can be believed, in a few sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from medcnn.evaluation.cross_validation import CrossValidation
from medcnn.evaluation.parts import Calibration, Unit
from medcnn.files.records import ABSENT, Told
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice

LEVELS = {"bad": "bad", "caution": "caution", "note": "good"}
"""The level that a sentence of each severity asks for, the worst first."""
CHANCE = 0.5
FEW_ON_VALIDATION = 50
"""Cases of a class below which validation is called small: of 50, a share of 0.9 is known to within
0.79 and 0.96 (Wilson), and so is what a threshold chosen on them does."""
SMALL = "val_set_too_small"
"""What the learning curves call a validation that is; the sentence on the threshold says it."""
WIDE_SLOPE = 1.0
"""Width of the slope's interval from which on it tells little: 0.5 and 1.5 both fit it."""
TRIALS = ("fast_dev_run", "limited")
"""Keys of warnings that make a run no result."""
SIMULATED = ("phantom",)
"""Sources whose images show nobody."""


@dataclass(frozen=True)
class Background:
    """What is known of predictions beyond their numbers; None where it is not.

    Attributes:
        source: Where the data come from.
        validation: Normal and abnormal cases that the threshold was chosen on.
        audit: The verdict of the data audit: ``pass``, ``warn`` or ``stop``.
        audit_findings: How many findings it had.
        diagnosis: Names of what the learning curves warn of.
        looks: How often the test split was evaluated.
        trial: What makes it a trial of the machinery and no result.
    """

    source: str | None = None
    validation: tuple[int, int] | None = None
    audit: str | None = None
    audit_findings: int = 0
    diagnosis: Sequence[str] = ()
    looks: int | None = None
    trial: Sequence[Notice] = ()


@dataclass(frozen=True, kw_only=True)
class Tested:
    """What a verdict asks of results.

    Attributes:
        split: The split of the cases.
        level: Nominal coverage of every interval.
        n: The cases.
        n_patients: Their patients.
        prevalence: The share of abnormal cases.
        threshold: The frozen operating point.
        auroc: How well the classes are told apart.
        calibration: How far the probabilities can be taken at their word.
        unit: What a case is; an image where it is not said.
        cross_validation: What only folds can tell.
    """

    split: str
    level: float = 0.95
    n: int
    n_patients: int
    prevalence: float
    threshold: Threshold
    auroc: Estimate
    calibration: Calibration
    unit: Unit | None = field(default=None, metadata=ABSENT)
    cross_validation: CrossValidation | None = field(default=None, metadata=ABSENT)


def classes_of(val: pd.DataFrame | None) -> tuple[int, int] | None:
    """Return how many normal and abnormal cases a table has; None without one."""
    if val is None or val.empty:
        return None
    abnormal = int(val["label"].sum())
    return len(val) - abnormal, abnormal


def trials_of(warnings: Iterable[str]) -> list[Notice]:
    """Return those warnings of a run that make it no result, whatever its numbers are."""
    return [each for each in warnings if isinstance(each, Notice) and each.key in TRIALS]


@dataclass(frozen=True)
class Verdict(Told):
    """One short paragraph, and how it turns out.

    Attributes:
        level: ``good``, ``caution`` or ``bad``.
        sentences: Its sentences, each a notice.
    """

    level: str = "caution"
    sentences: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The paragraph in English."""
        return " ".join(self.sentences)


def verdict_of(results: Tested, background: Background) -> Verdict:
    """Return the verdict on results, its level that of its worst sentence."""
    sentences = [
        *background.trial,
        *_tested(results, background),
        _chance(results.auroc),
        *_threshold(results, background),
        *_calibration(results),
        *_told(background),
    ]
    worst = min((list(LEVELS).index(each.severity) for each in sentences), default=0)
    return Verdict(list(LEVELS.values())[worst], tuple(sentences))


def _tested(results: Tested, background: Background) -> list[Notice]:
    unit = results.unit.level if results.unit else "image"
    key = "tested_out_of_fold" if results.cross_validation else f"tested_{unit}"
    facts = {"cases": results.n, "patients": results.n_patients, "share": results.prevalence}
    found = [Notice(key, **facts, split=results.split)]
    if background.source in SIMULATED:
        found.append(Notice("simulated"))
    return found


def _chance(auroc: Estimate) -> Notice:
    if auroc.value is None or auroc.low is None or auroc.high is None:
        return Notice("chance_unknown")
    facts = {"value": auroc.value, "low": auroc.low, "high": auroc.high}
    if auroc.high < CHANCE:
        return Notice("chance_worse", **facts)
    return Notice("chance_better" if auroc.low > CHANCE else "chance_same", **facts)


def _threshold(results: Tested, background: Background) -> list[Notice]:
    if results.threshold.chosen_on == results.split:
        return [Notice("threshold_seen")]
    if results.threshold.chosen_on != "val" or background.validation is None:
        return []
    normal, abnormal = background.validation
    few = min(normal, abnormal) < FEW_ON_VALIDATION or SMALL in background.diagnosis
    return [
        Notice("validation_small" if few else "validation_enough", normal=normal, abnormal=abnormal)
    ]


def _calibration(results: Tested) -> list[Notice]:
    slope, intercept = results.calibration.slope, results.calibration.intercept
    found = [
        Notice(f"{name}_{'low' if high < right else 'high'}", value=value, low=low, high=high)
        for name, estimate, right in (("slope", slope, 1.0), ("intercept", intercept, 0.0))
        for value, low, high in [(estimate.value, estimate.low, estimate.high)]
        if value is not None and low is not None and high is not None
        if not low <= right <= high
    ]
    if found:
        return found
    if slope.value is None or slope.low is None or slope.high is None:
        return [Notice("calibration_unknown")]
    if slope.high - slope.low > WIDE_SLOPE:
        return [Notice("calibration_open", value=slope.value, low=slope.low, high=slope.high)]
    return [Notice("calibration_holds")]


def _told(background: Background) -> list[Notice]:
    found = []
    if background.audit is not None:
        found.append(Notice(f"audit_{background.audit}", n=background.audit_findings))
    names = [name.replace("_", " ") for name in background.diagnosis if name != SMALL]
    if names:
        found.append(Notice("curves_warn", names=names))
    if background.looks is not None:
        found.append(
            Notice("looks_many" if background.looks > 1 else "looks_one", n=background.looks)
        )
    return found
