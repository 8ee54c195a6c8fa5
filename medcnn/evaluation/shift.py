"""Whether unlabelled images are from the population of home, and what that does to the threshold.

Features and scores are compared with those of the validation images, on which the threshold was
chosen. A different prevalence alone makes a difference too; whether that would be enough is asked by
comparing once more with home's normal and abnormal images mixed at the estimated prevalence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from medcnn.evaluation.operating_effect import Asked, OperatingEffect, effect_of
from medcnn.evaluation.prior_shift import TrustResults, estimated_prevalence
from medcnn.files.records import ABSENT, Told
from medcnn.metrics.comparison import holm
from medcnn.metrics.estimate import Estimate, FloatArray, IntArray
from medcnn.metrics.proportions import share
from medcnn.metrics.two_sample import Permuted, two_sample_tests
from medcnn.notices import Notice
from medcnn.predictions import clusters_of

FEWEST = 20
"""Patients of a set below which nothing is said of it."""
ALPHA = 0.05
VERDICTS = ("same", "prevalence", "shifted", "unknown")


@dataclass(frozen=True)
class Population:
    """A set of images as a run sees them; N rows each.

    Attributes:
        table: ``patient_id``, ``p_abnormal``, and ``label`` at home.
        logit: The score of each.
        features: N×D.
    """

    table: pd.DataFrame
    logit: FloatArray
    features: FloatArray

    @property
    def patients(self) -> int:
        """How many patients they are of."""
        return int(self.table["patient_id"].nunique())

    def at(self, rows: IntArray) -> Population:
        """Return some of the images."""
        table = self.table.iloc[rows].reset_index(drop=True)
        return Population(table, self.logit[rows], self.features[rows])


@dataclass(frozen=True, kw_only=True)
class Tests:
    """Three tests of the same question, their p-values corrected for their number (Holm).

    Attributes:
        auroc: How well a classifier that has not seen a patient tells here from home.
        classifier: The same with its p-value.
        mmd: The discrepancy of the features.
        scores: The largest gap of the scores' distributions.
        corrected: The corrected p-values by name.
    """

    auroc: Estimate
    classifier: Permuted
    mmd: Permuted
    scores: Permuted
    corrected: dict[str, float | None]

    @property
    def differ(self) -> bool:
        """Whether any of them says that the sets differ."""
        return any(p is not None and p <= ALPHA for p in self.corrected.values())


@dataclass(frozen=True, kw_only=True)
class ShiftResults(Told):
    """The object of ``shift.json``.

    Attributes:
        verdict: ``same``: no difference was found; ``prevalence``: one that another prevalence alone
            explains; ``shifted``: another population; ``unknown``: too few images to say.
        images: That were looked at.
        patients: Of how many patients.
        of: How many images there are, of which those were drawn.
        unreadable: Images that could not be read.
        home_images: Validation images of the run.
        home_patients: Of how many patients.
        home_prevalence: The share of them that is abnormal.
        threshold: The frozen threshold.
        level: Nominal coverage of intervals.
        called: The share of images here that is called abnormal.
        home_called: The same at home.
        tests: Here against home; None where there are too few.
        matched: Here against home mixed at the estimated prevalence; None where it was not asked.
        foreign: The share that the run's detector flags; None without one.
        foreign_expected: The share that home lets expect.
        prevalence: Estimated from the scores.
        trust: Whether that estimate should be believed.
        effect: What can be said of sensitivity and specificity here.
        sentences: All of it in words.
    """

    verdict: str
    images: int
    patients: int
    of: int
    unreadable: int
    home_images: int
    home_patients: int
    home_prevalence: float
    threshold: float
    level: float = 0.95
    called: Estimate
    home_called: Estimate
    tests: Tests | None = field(default=None, metadata=ABSENT)
    matched: Tests | None = field(default=None, metadata=ABSENT)
    foreign: Estimate | None = field(default=None, metadata=ABSENT)
    foreign_expected: float | None = field(default=None, metadata=ABSENT)
    prevalence: Estimate | None = field(default=None, metadata=ABSENT)
    trust: TrustResults | None = field(default=None, metadata=ABSENT)
    effect: OperatingEffect | None = field(default=None, metadata=ABSENT)
    sentences: tuple[str, ...] = ()

    @property
    def warned(self) -> bool:
        """Whether the frozen threshold may not be relied on here."""
        return self.verdict in ("shifted", "prevalence")


@dataclass(frozen=True)
class Shift:
    """The results, and the discriminant of each case of home and here, for the pictures."""

    results: ShiftResults
    home: FloatArray
    here: FloatArray


def find_shift(
    home: Population,
    here: Population,
    asked: Asked,
    *,
    flagged: Estimate | None = None,
    expected: float | None = None,
    of: int | None = None,
    unreadable: int = 0,
) -> Shift:
    """Return whether images are from the population of home.

    Args:
        home: The validation images, with labels.
        here: The images.
        asked: How it is looked for.
        flagged: The share of them that the detector flags.
        expected: The share that home lets expect.
        of: How many images there are, where these are drawn from more.
        unreadable: How many could not be read.
    """
    enough = min(home.patients, here.patients) >= FEWEST
    tests, seen = _compared(home, here, asked) if enough else (None, np.zeros(0))
    prevalence, found = estimated_prevalence(
        home.table, here.table, level=asked.level, seed=asked.seed
    )
    matched = None
    if tests is not None and tests.differ and found.trusted:
        matched, _ = _compared(_matched(home, prevalence, asked.seed), here, asked)
    verdict, called = _verdict(tests, matched), _called(here, asked)
    results = ShiftResults(
        verdict=verdict,
        images=len(here.table),
        patients=here.patients,
        of=len(here.table) if of is None else of,
        unreadable=unreadable,
        home_images=len(home.table),
        home_patients=home.patients,
        home_prevalence=float(home.table["label"].mean()),
        threshold=asked.threshold,
        level=asked.level,
        called=called,
        home_called=_called(home, asked),
        tests=tests,
        matched=matched,
        foreign=flagged,
        foreign_expected=expected,
        prevalence=prevalence,
        trust=TrustResults(found.trusted, found.distance, found.p_value, found.reasons),
        effect=effect_of(home.table, called, prevalence, found, verdict, asked) if enough else None,
    )
    results = replace(results, sentences=tuple(sentences_of(results)))
    split = len(home.table)
    return Shift(results, seen[:split], seen[split:])


def _compared(home: Population, here: Population, asked: Asked) -> tuple[Tests, FloatArray]:
    """Return the tests, and the discriminant of each case of home and here."""
    patients = [
        f"{side}/" + images.table["patient_id"].astype(str)
        for side, images in (("home", home), ("here", here))
    ]
    owner = pd.factorize(pd.concat(patients))[0].astype(np.int64)
    found = two_sample_tests(
        np.concatenate([home.features, here.features]),
        np.concatenate([home.logit, here.logit]),
        np.arange(len(owner)) >= len(home.table),
        owner,
        permutations=asked.permutations,
        level=asked.level,
        seed=asked.seed,
    )
    names = ("classifier", "mmd", "scores")
    tests = {name: getattr(found, name) for name in names}
    corrected = holm({name: tests[name].p_value for name in names})
    return Tests(auroc=found.auroc, corrected=corrected, **tests), found.discriminant


def _matched(home: Population, prevalence: Estimate, seed: int) -> Population:
    """Return home with so many of one class left out that the prevalence is the estimated one."""
    wanted = float(np.clip(prevalence.value or 0.0, 0.02, 0.98))
    label = home.table["label"].to_numpy(np.int64)
    abnormal, normal = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    rng = np.random.default_rng(seed)
    many = min(len(abnormal), int(len(normal) * wanted / (1 - wanted)))
    few = min(len(normal), int(len(abnormal) * (1 - wanted) / wanted))
    rows = [rng.permutation(abnormal)[: max(many, 1)], rng.permutation(normal)[: max(few, 1)]]
    return home.at(np.sort(np.concatenate(rows)))


def _verdict(tests: Tests | None, matched: Tests | None) -> str:
    if tests is None:
        return "unknown"
    if not tests.differ:
        return "same"
    return "prevalence" if matched is not None and not matched.differ else "shifted"


def _called(images: Population, asked: Asked) -> Estimate:
    called = (images.table["p_abnormal"] >= asked.threshold).to_numpy()
    return share(called, clusters_of(images.table["patient_id"]), asked.level)


def sentences_of(found: ShiftResults) -> Sequence[Notice]:
    """Return what was found in words, the verdict first."""
    patients = {"patients": found.patients, "home": found.home_patients}
    told = [Notice(f"shift_{found.verdict}", **patients, few=FEWEST)]
    if found.tests is not None and found.tests.auroc.has_interval:
        auroc = found.tests.auroc
        told.append(Notice("shift_told_apart", value=auroc.value, low=auroc.low, high=auroc.high))
    if found.called.value is not None and found.home_called.value is not None:
        called = {"here": found.called.value, "home": found.home_called.value}
        told.append(Notice("shift_called", **called))
    if found.foreign is not None and found.foreign.value is not None:
        told.append(
            Notice("shift_foreign", share=found.foreign.value, expected=found.foreign_expected)
        )
    if found.prevalence is not None and found.trust is not None and found.images:
        low, high = found.prevalence.ci or (0.0, 1.0)
        key = "shift_prevalence_trusted" if found.trust.trusted else "shift_prevalence_doubted"
        facts = {"value": found.prevalence.value, "low": low, "high": high}
        told.append(Notice(key, **facts, source=found.home_prevalence, reasons=found.trust.reasons))
    if found.effect is not None:
        told += found.effect.sentences()
    return told
