"""Are two sets of images draws from one population: three tests by permuting patients.

The classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017) asks how well a classifier that has
not seen a case tells which set it is from; the maximum mean discrepancy (Gretton et al., JMLR 13
(2012) 723-773) compares whole distributions of features; Kolmogorov and Smirnov's distance compares
scores. All three take their p-value from the same permutations, which move a patient with all images,
so that no assumption on their distribution is needed.

Legend: N cases of both sets, D features, C components, B permutations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from medcnn.metrics.auroc import auroc, auroc_value
from medcnn.metrics.estimate import BoolArray, Estimate, FloatArray, IntArray
from medcnn.metrics.proportions import cluster_count

COMPONENTS = 30
PER_COMPONENT = 8
"""Patients that a component has to have: with fewer, the classifier learns noise."""
FOLDS = 5
MOST_IN_KERNEL = 600
"""Cases of a set whose kernel is computed; more are drawn from."""


@dataclass(frozen=True)
class Permuted:
    """A statistic and how often a permutation reaches it."""

    value: float
    p_value: float


@dataclass(frozen=True)
class TwoSample:
    """What the tests said.

    Attributes:
        auroc: Of the classifier, cross-fitted by patient; 0.5 where the sets are alike.
        classifier: The same with its p-value.
        mmd: The squared discrepancy of the features.
        scores: The largest gap of the scores' distribution functions.
        discriminant: The cross-fitted score of each case, high where it looks like the second set, N.
    """

    auroc: Estimate
    classifier: Permuted
    mmd: Permuted
    scores: Permuted
    discriminant: FloatArray


def two_sample_tests(
    features_ND: npt.ArrayLike,
    score_N: npt.ArrayLike,
    second_N: BoolArray,
    cluster_N: IntArray,
    *,
    permutations: int = 499,
    level: float = 0.95,
    seed: int = 0,
) -> TwoSample:
    """Permuted whether two sets are draws from one population.

    Args:
        features_ND: Of the cases of both sets.
        score_N: One number of each case, the logit of abnormal.
        second_N: Which cases are of the second set.
        cluster_N: The patient of each case as integers from 0; no patient is in both sets.
        permutations: How many the p-values rest on.
        level: Nominal coverage of the interval of the AUROC.
        seed: Of folds and permutations.
    """
    rng = np.random.default_rng(seed)
    cluster = np.unique(cluster_N, return_inverse=True)[1].astype(np.int64)
    component = _components(np.asarray(features_ND, dtype=np.float64), cluster)
    sides = _sides(second_N, cluster, permutations, rng)
    told_BN = _cross_fitted(component, sides, cluster, rng)
    areas = np.array(
        [
            auroc_value(side.astype(np.int64), told) or 0.0
            for side, told in zip(sides, told_BN, strict=True)
        ]
    )
    label = second_N.astype(np.int64)
    several = cluster if cluster_count(cluster) < len(cluster) else None
    found = auroc(label, told_BN[0], cluster=several, level=level)
    return TwoSample(
        auroc=_widened(found, areas, label),
        classifier=_permutation(areas),
        mmd=_permutation(_discrepancies(component, sides, rng)),
        scores=_permutation(_gaps(np.asarray(score_N, dtype=np.float64), sides)),
        discriminant=told_BN[0],
    )


def _widened(found: Estimate, areas_B: FloatArray, label_N: IntArray) -> Estimate:
    """Return the AUROC with an interval that knows of what the folds share.

    DeLong takes the scores as given, while those of all folds come of one training: permuted, the
    AUROC varies more than its variance says. By so much the interval is widened, on the logit scale.
    """
    if found.ci is None or found.value is None or not 0 < found.value < 1:
        return found
    ones = int(label_N.sum())
    usual = math.sqrt((len(label_N) + 1) / (12 * ones * (len(label_N) - ones)))
    factor = max(1.0, float(np.std(areas_B[1:])) / usual)
    middle, ends = special.logit(found.value), special.logit(np.clip(found.ci, 1e-9, 1 - 1e-9))
    low, high = special.expit(middle + factor * (ends - middle)).tolist()
    note = f"widened {factor:.2f} times for what the folds share"
    return Estimate(found.value, (low, high), "delong-cross-fitted", note)


def _permutation(statistic_B: FloatArray) -> Permuted:
    """Return the first statistic and the share of all, itself included, that reach it."""
    reached = np.count_nonzero(statistic_B >= statistic_B[0] - 1e-12)
    return Permuted(float(statistic_B[0]), float(reached / len(statistic_B)))


def _components(features_ND: FloatArray, cluster: IntArray) -> FloatArray:
    """Return whitened principal components of all cases; no side is looked at."""
    centred = features_ND - features_ND.mean(axis=0)
    wanted = max(1, min(COMPONENTS, cluster_count(cluster) // PER_COMPONENT))
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    kept = size > 1e-6 * max(float(size[0]), 1e-12)
    found = left[:, kept][:, :wanted] * np.sqrt(len(centred))
    return found if found.shape[1] else np.zeros((len(centred), 1))


def _sides(
    second_N: BoolArray, cluster: IntArray, permutations: int, rng: np.random.Generator
) -> BoolArray:
    """Return the sides as they are, and with patients exchanged, (B + 1)×N."""
    of_cluster = np.zeros(int(cluster.max()) + 1, dtype=np.bool_)
    of_cluster[cluster] = second_N
    rows = [second_N]
    rows += [rng.permutation(of_cluster)[cluster] for _ in range(permutations)]
    return np.stack(rows)


def _cross_fitted(
    component_NC: FloatArray, sides_BN: BoolArray, cluster: IntArray, rng: np.random.Generator
) -> FloatArray:
    """Return the discriminant of each case from the folds without its patient, for every side.

    On whitened components the direction of Fisher's discriminant is the difference of the means, so
    that one product serves all permutations.
    """
    patients = int(cluster.max()) + 1
    fold = (rng.permutation(patients) % FOLDS)[cluster]
    found = np.empty(sides_BN.shape)
    for number in range(FOLDS):
        out = fold == number
        inside, sides = component_NC[~out], sides_BN[:, ~out].astype(np.float64)
        count = np.maximum(sides.sum(axis=1, keepdims=True), 1.0)
        others = np.maximum((1 - sides).sum(axis=1, keepdims=True), 1.0)
        one, other = sides @ inside / count, (1 - sides) @ inside / others
        direction = one - other
        centre = ((one + other) / 2 * direction).sum(axis=1, keepdims=True)
        # Folds differ in the length of what they found; the order within one is what counts.
        length = np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
        found[:, out] = (direction @ component_NC[out].T - centre) / length
    return found


def _discrepancies(
    component_NC: FloatArray, sides_BN: BoolArray, rng: np.random.Generator
) -> FloatArray:
    """Return the squared discrepancy for every side, with a Gaussian kernel of the median distance."""
    kept = np.concatenate(
        [
            rng.permutation(np.flatnonzero(sides_BN[0] == which))[:MOST_IN_KERNEL]
            for which in (False, True)
        ]
    )
    x, sides = component_NC[kept], sides_BN[:, kept].astype(np.float64)
    square = (x**2).sum(axis=1)
    distance = np.maximum(square[:, None] + square[None] - 2 * x @ x.T, 0.0)
    median = float(np.median(distance[np.triu_indices(len(x), 1)])) or 1.0
    kernel = np.exp(-distance / median)
    count = np.maximum(sides.sum(axis=1, keepdims=True), 1.0)
    others = np.maximum((1 - sides).sum(axis=1, keepdims=True), 1.0)
    weight = sides / count - (1 - sides) / others
    return np.asarray(np.einsum("bn,bn->b", weight @ kernel, weight))


def _gaps(score_N: FloatArray, sides_BN: BoolArray) -> FloatArray:
    """Return Kolmogorov and Smirnov's distance for every side; equal scores are one step."""
    order = np.argsort(score_N, kind="stable")
    ends = np.append(np.diff(score_N[order]) > 0, True)
    sides = sides_BN[:, order].astype(np.float64)
    one = np.cumsum(sides, axis=1) / np.maximum(sides.sum(axis=1, keepdims=True), 1.0)
    rest = 1 - sides
    other = np.cumsum(rest, axis=1) / np.maximum(rest.sum(axis=1, keepdims=True), 1.0)
    return np.asarray(np.abs(one - other)[:, ends].max(axis=1))
