"""The area under the ROC curve with DeLong's variance, in O(N log N), and the paired test.

DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845; the fast form by midranks is of Sun
and Xu, IEEE Signal Processing Letters 21 (2014) 1389-1393; for clustered cases Obuchowski,
Biometrics 53 (1997) 567-578.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from medcnn.metrics.estimate import BoolArray, Estimate, FloatArray, IntArray, by_cluster, undefined
from medcnn.metrics.proportions import cluster_count, normal_quantile, proportion


@dataclass(frozen=True)
class PairedTest:
    """The difference of two AUROCs on the same cases.

    Attributes:
        difference: First minus second, with its interval.
        z: The test statistic; 0 where the two rank every pair alike.
        p_value: Two-sided.
    """

    difference: Estimate
    z: float
    p_value: float


def midranks(x: FloatArray) -> FloatArray:
    """Return the ranks from 1, ties sharing the mean of theirs; as ``scipy.stats.rankdata``."""
    order = np.argsort(x, kind="stable")
    ordered = x[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    ends = np.append(starts[1:], len(x))
    ranks = np.empty(len(x))
    ranks[order] = np.repeat((starts + ends + 1) / 2, ends - starts)
    return ranks


def placements(label: IntArray, p: FloatArray) -> FloatArray:
    """Return each case's share of the other class that it is ranked rightly against, in [0, 1].

    The mean over the abnormal cases, and that over the normal cases, is the AUROC.
    """
    positive = label == 1
    rank = midranks(p)
    m, n = int(positive.sum()), int((~positive).sum())
    place = np.empty(len(p))
    place[positive] = (rank[positive] - midranks(p[positive])) / n
    place[~positive] = 1 - (rank[~positive] - midranks(p[~positive])) / m
    return place


def auroc_value(label: IntArray, p: FloatArray) -> float | None:
    """Return the AUROC alone; None where a class is absent."""
    positive = label == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if m == 0 or n == 0:
        return None
    return float((midranks(p)[positive].sum() - m * (m + 1) / 2) / (m * n))


def auroc(
    label: IntArray,
    p: FloatArray,
    *,
    cluster: IntArray | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the AUROC with its DeLong interval on the logit scale.

    The logit keeps the interval within [0, 1] and its coverage near nominal where the AUROC is high
    (Pepe 2003, section 5.2; the plain interval falls short there). The quantile is Student's, with
    the degrees of freedom of Welch and Satterthwaite: with 10 abnormal cases the normal one covers
    91 % for 95, this one 94 (``scripts/benchmark_intervals.py``). Where the classes are perfectly
    separated the variance is 0 and DeLong says nothing: the interval is then the exact binomial one
    of the smaller class with all cases ranked rightly, and the note says so.

    Args:
        label: 0 or 1.
        p: Scores; only their order matters.
        cluster: The patient of each case as integers from 0, for Obuchowski's variance.
        level: Nominal coverage.
    """
    method = by_cluster("delong", cluster)
    positive = label == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if m == 0 or n == 0:
        return undefined(method, f"{m} abnormal and {n} normal cases")
    place = placements(label, p)
    value = float(place[positive].mean())
    if value in (0.0, 1.0):
        return separated(value, positive, "delong", cluster, level)
    if m < 2 or n < 2:
        return Estimate(value, None, method, "a class with one case has no variance")
    variance, freedom = _variance(positive, place, cluster)
    if variance <= 0:
        return Estimate(value, (value, value), method, "no variation in the ranking: scores tied")
    quantile = float(special.stdtrit(freedom, 0.5 + level / 2))
    half = quantile * math.sqrt(variance) / (value * (1 - value))
    logit = math.log(value / (1 - value))
    low, high = special.expit([logit - half, logit + half])
    return Estimate(value, (float(low), float(high)), method, "interval on the logit scale")


def auroc_variance(label: IntArray, p: FloatArray, cluster: IntArray | None = None) -> float | None:
    """Return DeLong's or Obuchowski's variance of the AUROC; None with under 2 of a class."""
    positive = label == 1
    if min(int(positive.sum()), int((~positive).sum())) < 2:
        return None
    return _variance(positive, placements(label, p), cluster)[0]


def paired_delong(
    label: IntArray,
    first: FloatArray,
    second: FloatArray,
    level: float = 0.95,
    cluster: IntArray | None = None,
) -> PairedTest | None:
    """Test whether two scores of the same cases have one AUROC; None with fewer than 2 of a class.

    The interval of the difference is on the plain scale. With ``cluster``, the patient of each case
    as integers from 0, the variance is Obuchowski's, which lets images of a patient be alike.
    """
    method = by_cluster("delong-paired", cluster)
    positive = label == 1
    if min(int(positive.sum()), int((~positive).sum())) < 2:
        return None
    lead = placements(label, first) - placements(label, second)
    difference = float(lead[positive].mean())
    variance, _ = _variance(positive, lead, cluster)
    if variance <= 1e-18:
        note = "the two scores differ without variation"
        interval = Estimate(difference, None, method, note)
        return PairedTest(interval, 0.0, 1.0 if difference == 0 else 0.0)
    error = math.sqrt(variance)
    z = difference / error
    half = normal_quantile(level) * error
    ci = (max(difference - half, -1.0), min(difference + half, 1.0))
    return PairedTest(Estimate(difference, ci, method), z, float(2 * special.ndtr(-abs(z))))


def _variance(
    positive: BoolArray, place: FloatArray, cluster: IntArray | None
) -> tuple[float, float]:
    """Return the variance of the mean placement and its degrees of freedom.

    ``place`` may be the difference of two scores' placements: the variance is then that of the
    difference of their AUROCs. With clusters it is 0 where a class has fewer than 2 of them.
    """
    excess = [place[mask] - place[mask].mean() for mask in (positive, ~positive)]
    sizes = [len(each) for each in excess]
    if cluster is None:
        sums, units, shared = excess, sizes, 0.0
    else:
        clusters = int(cluster.max()) + 1
        inside = [cluster[positive], cluster[~positive]]
        sums = [
            np.bincount(owner, each, clusters) for owner, each in zip(inside, excess, strict=True)
        ]
        units, present = [cluster_count(owner) for owner in inside], cluster_count(cluster)
        if min(units) < 2:
            return 0.0, 1.0
        shared = 2 * present / (present - 1) * float(sums[0] @ sums[1]) / (sizes[0] * sizes[1])
    parts = [
        k / (k - 1) * float(each @ each) / n**2
        for each, n, k in zip(sums, sizes, units, strict=True)
    ]
    within = sum(parts)
    if within <= 0:
        return 0.0, 1.0
    freedom = within**2 / sum(part**2 / (k - 1) for part, k in zip(parts, units, strict=True))
    return within + shared, freedom


def separated(
    value: float, positive: BoolArray, method: str, cluster: IntArray | None, level: float
) -> Estimate:
    """Return an area of 0 or 1, the classes being apart, with the bound that their sizes leave.

    The variance is 0 there and says nothing. Each case of the smaller class counts as a success, as
    does each patient of it, and the exact interval of that share is given.
    """
    classes = (positive, ~positive)
    if cluster is None:
        units = min(int(np.count_nonzero(each)) for each in classes)
    else:
        units = min(cluster_count(cluster[each]) for each in classes)
    exact = proportion(value * units, units, "clopper_pearson", level)
    note = f"classes perfectly separated: exact binomial bound from {units} of the smaller class"
    return Estimate(value, exact.ci, by_cluster(method, cluster), note)
