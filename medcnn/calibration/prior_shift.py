"""Another prevalence: its estimate from unlabelled scores, corrected probabilities, and their trust.

Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori
probabilities, Neural Computation 14 (2002) 21-41. All of it rests on one assumption: normal and
abnormal cases each score as they did on validation, and only their mixture has changed. ``trust``
tests that assumption. No function here takes a label of the new cases.

Legend: N new cases, V validation cases, K cells of score, B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from medcnn.metrics.auroc import auroc_value
from medcnn.metrics.estimate import Estimate, FloatArray, IntArray
from medcnn.notices import Notice

CLIP = 1e-9  # a probability of exactly 0 or 1 would decide the prevalence alone
CELLS = 512
NEWTON = 12  # steps of a logistic regression, which takes five
FEW = 30
WEAK = 0.65
LEVEL = 0.05


def shift_prior(p_N: npt.ArrayLike, source: float, target: float) -> FloatArray:
    """Return the probabilities of cases whose prevalence is ``target`` instead of ``source``.

    By Bayes' theorem (Saerens et al., equation 2.4); the order of the cases stays.

    >>> shift_prior([0.5], 0.5, 0.2).round(6).tolist()
    [0.2]

    Raises:
        ValueError: If a prevalence is not within (0, 1).
    """
    for value in (source, target):
        if not 0 < value < 1:
            raise ValueError(f"a prevalence must lie within (0, 1), found {value}")
    p = np.asarray(p_N, dtype=np.float64)
    abnormal, normal = p * (target / source), (1 - p) * ((1 - target) / (1 - source))
    return np.asarray(abnormal / (abnormal + normal), dtype=np.float64)


def estimate_prevalence(
    p_N: npt.ArrayLike,
    source: float,
    *,
    cluster_N: IntArray | None = None,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> Estimate:
    """Return the prevalence of unlabelled cases, with its bootstrap percentile interval.

    It is the maximum that the EM iteration of Saerens et al. climbs to. The likelihood is concave in
    the prevalence, so that maximum is the only one, and bisection finds it in a fixed number of steps
    where EM may need thousands.

    Args:
        p_N: Calibrated probabilities of the new cases, at the prevalence ``source``.
        source: Prevalence of the cases that the probabilities were calibrated on.
        cluster_N: The patient of each case as integers from 0, resampled together.
        level: Nominal coverage. What the calibration itself leaves uncertain is not in it.
        resamples: Bootstrap samples.
        seed: Their seed.

    Raises:
        ValueError: If there are no cases.
    """
    p = np.asarray(p_N, dtype=np.float64)
    if len(p) == 0:
        raise ValueError("the prevalence of no cases cannot be estimated")
    cell, ratio_K = _cells(p, source)
    value = float(_maximum(np.bincount(cell).astype(np.float64)[None], ratio_K)[0])
    counts_BK = _resampled(cell, cluster_N, resamples, np.random.default_rng(seed))
    tail = (1 - level) / 2
    low, high = np.quantile(_maximum(counts_BK, ratio_K), [tail, 1 - tail])
    unit = "cases" if cluster_N is None else "patients"
    return Estimate(
        value, (float(low), float(high)), "em-bootstrap", f"{resamples} resamples of {unit}"
    )


@dataclass(frozen=True)
class Trust:
    """Whether the new cases look like a mixture of validation's normal and abnormal ones.

    Attributes:
        distance: Largest gap between the new scores' distribution and the best such mixture
            (Kolmogorov-Smirnov).
        p_value: How often such a mixture fits as badly (Anderson and Darling's weighted distance),
            by a parametric bootstrap.
        reasons: Why the estimate should not be trusted; empty where nothing speaks against it.
        determined: Whether the scores tell a prevalence at all: enough cases, classes that the
            scores part, an estimate off the edges. Without it nobody should use the estimate.
    """

    distance: float
    p_value: float
    reasons: tuple[Notice, ...]
    determined: bool = True

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks against the estimate."""
        return not self.reasons


def trust(
    p_V: npt.ArrayLike,
    label_V: npt.ArrayLike,
    p_N: npt.ArrayLike,
    *,
    resamples: int = 400,
    seed: int = 0,
) -> Trust:
    """Test the assumption that prior correction rests on, by goodness of fit of the score mixture.

    Under the null hypothesis the new scores are a mixture of validation's two class-conditional
    distributions. Each resample draws both validation classes and a new set from that mixture,
    calibrates by Platt's slope and intercept and estimates the prevalence again, and measures the
    same distance, so that the p-value knows of both fits and of how small validation is. Anderson
    and Darling's statistic finds changed classes about twice as often as Kolmogorov and Smirnov's.
    A few hundred cases still let many a change pass: not rejected is not proven. Cases count as
    independent: give one a patient.

    Args:
        p_V: Validation probabilities.
        label_V: Their labels.
        p_N: The new cases' probabilities.
        resamples: Bootstrap samples.
        seed: Their seed.
    """
    p_val, label = np.asarray(p_V, dtype=np.float64), np.asarray(label_V, dtype=np.int64)
    p_new = np.asarray(p_N, dtype=np.float64)
    positives = int(label.sum())
    if positives in (0, len(label)) or len(p_new) == 0:
        return Trust(1.0, 0.0, (Notice("no_classes"),), False)
    source = positives / len(label)
    cell, ratio_K = _cells(np.concatenate([p_val, p_new]), source)
    size, of_val, of_new = len(ratio_K), cell[: len(p_val)], cell[len(p_val) :]
    abnormal, normal, new = (
        np.bincount(which, minlength=size).astype(np.float64)
        for which in (of_val[label == 1], of_val[label == 0], of_new)
    )
    x = np.log(ratio_K * source / (1 - source))
    prevalence = float(_maximum(new[None], _ratios(x, abnormal[None], normal[None]))[0])
    gap, misfit = _misfit(abnormal[None], normal[None], new[None], np.array([prevalence]))
    rng = np.random.default_rng(seed)
    shape_1, shape_0 = abnormal / abnormal.sum(), normal / normal.sum()
    mixture = prevalence * shape_1 + (1 - prevalence) * shape_0
    shapes = (
        (positives, shape_1),
        (len(label) - positives, shape_0),
        (len(p_new), mixture / mixture.sum()),
    )
    drawn = [rng.multinomial(n, shape, resamples).astype(np.float64) for n, shape in shapes]
    refound = _maximum(drawn[2], _ratios(x, drawn[0], drawn[1]))
    _, null = _misfit(drawn[0], drawn[1], drawn[2], refound)
    p_value = float((np.count_nonzero(null >= misfit - 1e-12) + 1) / (resamples + 1))
    against = _undetermined(prevalence, len(p_new), auroc_value(label, p_val))
    changed = [Notice("no_mixture", p=p_value)] if p_value < LEVEL else []
    return Trust(float(gap[0]), p_value, (*changed, *against), not against)


def _undetermined(prevalence: float, n: int, auroc: float | None) -> list[Notice]:
    found = []
    if n < FEW:
        found.append(Notice("prevalence_few", cases=n, few=FEW))
    if auroc is not None and auroc < WEAK:
        found.append(Notice("scores_weak", auroc=auroc))
    if not 1 / n < prevalence < 1 - 1 / n:
        found.append(Notice("estimate_at_edge", value=prevalence))
    return found


def _cells(p_N: FloatArray, source: float) -> tuple[IntArray, FloatArray]:
    """Return each case's cell of score, and each cell's ratio of the class likelihoods."""
    clipped = np.clip(p_N, CLIP, 1 - CLIP)
    distinct, cell = np.unique(clipped, return_inverse=True)
    if len(distinct) > CELLS:
        edges = np.unique(np.quantile(clipped, np.linspace(0, 1, CELLS + 1)[1:-1]))
        cell = np.searchsorted(edges, clipped, side="left")
        _, cell = np.unique(cell, return_inverse=True)
        distinct = np.bincount(cell, clipped) / np.bincount(cell)
    ratio = distinct / (1 - distinct) * ((1 - source) / source)
    return cell.astype(np.int64), ratio


def _ratios(log_odds_K: FloatArray, abnormal_BK: FloatArray, normal_BK: FloatArray) -> FloatArray:
    """Return each cell's ratio of the class likelihoods by a logistic regression for each row, B×K.

    A weak ridge (one case's worth) pulls towards the log odds as they are, so that classes which
    nothing overlaps end too; Newton's steps are held short.
    """
    both = abnormal_BK + normal_BK
    a, b = np.zeros((len(both), 1)), np.ones((len(both), 1))
    for _ in range(NEWTON):
        p = expit(a + b * log_odds_K)
        rest, weight = abnormal_BK - both * p, both * p * (1 - p)
        up, along = rest.sum(1) - a[:, 0], rest @ log_odds_K - (b[:, 0] - 1)
        aa, ab, bb = (weight @ each for each in (log_odds_K**0, log_odds_K, log_odds_K**2))
        aa, bb = aa + 1, bb + 1
        size = aa * bb - ab**2
        a += np.clip((bb * up - ab * along) / size, -1, 1)[:, None]
        b += np.clip((aa * along - ab * up) / size, -0.5, 0.5)[:, None]
    counts = normal_BK.sum(1, keepdims=True) / abnormal_BK.sum(1, keepdims=True)
    return np.asarray(np.exp(a + b * log_odds_K) * counts)


def _maximum(counts_BK: FloatArray, ratio: FloatArray) -> FloatArray:
    """Return the prevalence of highest likelihood for each row of counts, by bisection.

    The ratio of likelihoods is one for all rows, K, or each row's own, B×K.
    """
    excess = ratio - 1.0
    low, high = np.zeros(len(counts_BK)), np.ones(len(counts_BK))
    for _ in range(40):
        middle = (low + high) / 2
        slope = (counts_BK * (excess / (1.0 + middle[:, None] * excess))).sum(axis=1)
        rising = slope > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return (low + high) / 2


def _resampled(
    cell: IntArray, cluster: IntArray | None, resamples: int, rng: np.random.Generator
) -> FloatArray:
    """Return how often each cell is drawn in each bootstrap sample, B×K."""
    counts = np.bincount(cell)
    if cluster is None:
        return rng.multinomial(len(cell), counts / len(cell), resamples).astype(np.float64)
    clusters = int(cluster.max()) + 1
    drawn = np.empty((resamples, len(counts)))
    for row in range(resamples):
        often = np.bincount(rng.integers(clusters, size=clusters), minlength=clusters)
        drawn[row] = np.bincount(cell, often[cluster], len(counts))
    return drawn


def _misfit(
    abnormal_BK: FloatArray, normal_BK: FloatArray, new_BK: FloatArray, prevalence_B: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return Kolmogorov-Smirnov and Anderson-Darling distance from the mixture, for each row."""
    of_1, of_0, of_new = (
        np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
        for counts in (abnormal_BK, normal_BK, new_BK)
    )
    share = prevalence_B[:, None]
    mixture = share * of_1 + (1 - share) * of_0
    gap = of_new - mixture
    variance = np.maximum(mixture * (1 - mixture), 1e-3)
    mass = np.diff(mixture, axis=1, prepend=0.0)
    return np.abs(gap).max(axis=1), (gap**2 / variance * mass).sum(axis=1)
