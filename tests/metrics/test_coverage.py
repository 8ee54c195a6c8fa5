"""How often an interval of nominal 95 % holds the truth: summed exactly, or else simulated.

The fast tests guard what each method is known to attain; the long one prints the whole table:
``pytest -m long -s tests/metrics/test_coverage.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

from medcnn.evaluation.measures import balanced_accuracy
from medcnn.metrics.agreement import f1, kappa, matthews
from medcnn.metrics.areas import average_precision_estimate
from medcnn.metrics.auroc import auroc, paired_delong
from medcnn.metrics.bootstrap import Sample, bootstrap
from medcnn.metrics.calibration import (
    brier_losses,
    mean_estimate,
)
from medcnn.metrics.comparison import paired_difference
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.proportions import clustered_proportion, proportion

NOMINAL = 0.95
SIZES = (20, 50, 100, 500)


def exact_coverage(method: str, n: int, truth: np.ndarray) -> np.ndarray:
    """Return the coverage at each true proportion, summed over all n + 1 outcomes."""
    intervals = np.array([proportion(k, n, method).ci for k in range(n + 1)])
    holds = (intervals[:, :1] <= truth) & (truth <= intervals[:, 1:])
    chance = stats.binom.pmf(np.arange(n + 1)[:, None], n, truth)
    return (holds * chance).sum(axis=0)


@pytest.mark.parametrize("n", SIZES)
def test_wilson_is_nominal_on_average_and_clopper_pearson_never_below(n: int) -> None:
    truth = np.linspace(0.02, 0.98, 961)
    wilson = exact_coverage("wilson", n, truth)
    assert 0.94 <= wilson.mean() <= 0.96
    assert exact_coverage("clopper_pearson", n, truth).min() >= NOMINAL - 1e-12
    agresti = exact_coverage("agresti_coull", n, truth)
    assert 0.945 <= agresti.mean() <= 0.975


def test_wilson_dips_near_0_and_1_as_published() -> None:
    # Brown, Cai and DasGupta, Statistical Science 16 (2001): a spike down to 0.83 near the ends.
    truth = np.linspace(1e-4, 0.02, 400)
    assert 0.82 < exact_coverage("wilson", 100, truth).min() < 0.87


def auroc_coverage(m: int, n: int, area: float, runs: int, seed: int) -> tuple[float, float]:
    """Return the coverage of the logit DeLong interval and that of the plain one."""
    rng = np.random.default_rng(seed)
    label = np.repeat([1, 0], [m, n])
    shift = np.sqrt(2) * stats.norm.ppf(area)
    logit, plain = 0, 0
    for _ in range(runs):
        found = auroc(label, rng.normal(size=m + n) + shift * label)
        logit += covers(found, area)
        plain += covers(_plain(found), area)
    return logit / runs, plain / runs


def _plain(found: Estimate) -> Estimate:
    """Return the interval on the plain scale from the width of that on the logit scale."""
    if found.value in (0.0, 1.0) or found.ci is None:
        return Estimate(found.value, (found.value, found.value), "delong")
    value = found.value
    half = (np.diff(np.log(found.ci) - np.log1p(-np.array(found.ci)))[0] / 2) * value * (1 - value)
    return Estimate(value, (value - half, value + half), "delong")


def covers(found: Estimate, truth: float) -> bool:
    return found.ci is not None and found.ci[0] <= truth <= found.ci[1]


RUNS = 2500
SHIFT = float(np.sqrt(2) * stats.norm.ppf(0.9))
CUT = 0.8
ALIKE = 0.7  # correlation of the two scores of a case


def truths(prevalence: float) -> dict[str, float]:
    """Return what the intervals of two binormal scores of AUROC 0.9 should hold."""
    sensitivity, alarms = stats.norm.sf([CUT - SHIFT, CUT])
    both = stats.multivariate_normal([0, 0], [[1, ALIKE], [ALIKE, 1]])
    hit, false = both.cdf([SHIFT - CUT] * 2), both.cdf([-CUT] * 2)
    called = prevalence * sensitivity + (1 - prevalence) * alarms
    agree = 1 - 2 * called + 2 * (prevalence * hit + (1 - prevalence) * false)
    chance = called**2 + (1 - called) ** 2
    spread = np.sqrt(called * (1 - called) * prevalence * (1 - prevalence))
    return {
        "auroc": 0.9,
        "kappa": (agree - chance) / (1 - chance),
        "f1": 2 * prevalence * sensitivity / (called + prevalence),
        "matthews": prevalence * (sensitivity - called) / spread,
        "sensitivity difference": 0.0,
        "specificity difference": 0.0,
        "balanced accuracy": (sensitivity + 1 - alarms) / 2,
        **truths_of_scores(prevalence),
    }


def truths_of_scores(prevalence: float) -> dict[str, float]:
    """Return the average precision and Brier score, integrated over a fine grid of scores."""
    grid = np.linspace(10, -8, 20_001)
    tpr, fpr = stats.norm.sf(grid - SHIFT), stats.norm.sf(grid)
    precision = prevalence * tpr / (prevalence * tpr + (1 - prevalence) * fpr)
    p = stats.norm.cdf(grid - CUT)
    wrong = prevalence * np.trapezoid((1 - p) ** 2, tpr)
    return {
        "average precision": float(np.trapezoid(precision, tpr)),
        "Brier score": float(wrong + (1 - prevalence) * np.trapezoid(p**2, fpr)),
    }


def draw(n: int, prevalence: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and two scores of the same cases."""
    label = (rng.random(n) < prevalence).astype(np.int64)
    common, own = rng.normal(size=n), rng.normal(size=(2, n))
    return label, SHIFT * label + np.sqrt(ALIKE) * common + np.sqrt(1 - ALIKE) * own


def estimates(label: np.ndarray, score: np.ndarray) -> dict[str, Estimate]:
    called = (score >= CUT).astype(np.int64)
    right = called == label
    abnormal = label == 1
    rates = {
        "sensitivity": proportion(int(right[0, abnormal].sum()), int(abnormal.sum())),
        "specificity": proportion(int(right[0, ~abnormal].sum()), int((~abnormal).sum())),
    }
    return {
        "auroc": auroc(label, score[0]),
        "kappa": kappa(called[0], called[1]),
        "f1": f1(called[0], label),
        "matthews": matthews(called[0], label),
        "sensitivity difference": paired_difference(*right[:, abnormal]),
        "specificity difference": paired_difference(*right[:, ~abnormal]),
        "balanced accuracy": balanced_accuracy(rates["sensitivity"], rates["specificity"]),
        "average precision": average_precision_estimate(label, score[0]),
        "Brier score": mean_estimate(brier_losses(label, ndtr(score[0] - CUT)), None),
    }


@pytest.mark.parametrize(
    ("n", "prevalence"),
    [
        pytest.param(100, 0.5, marks=pytest.mark.long),
        (200, 0.3),
        pytest.param(600, 0.1, marks=pytest.mark.long),
    ],
)
def test_every_default_holds_94_to_96_per_cent(n: int, prevalence: float) -> None:
    rng = np.random.default_rng([2, n])
    expected = truths(prevalence)
    held = dict.fromkeys(expected, 0)
    for _ in range(RUNS):
        for name, found in estimates(*draw(n, prevalence, rng)).items():
            held[name] += covers(found, expected[name])
    share = {name: count / RUNS for name, count in held.items()}
    # 2500 runs have a standard error of 0.4 points. The difference of two sensitivities has few
    # values where few cases differ: up to 97 %.
    assert 0.94 <= share.pop("sensitivity difference") <= 0.97
    outside = {name: value for name, value in share.items() if not 0.94 <= value <= 0.96}
    assert outside == {}


@pytest.mark.parametrize("patients", [60, 120, 200])
def test_shares_by_patient_hold_94_to_96_per_cent(patients: int) -> None:
    assert 0.94 <= clustered_coverage(patients, 3, RUNS, by_patient=True) <= 0.96


def test_logit_delong_holds_where_the_plain_interval_fails() -> None:
    logit, plain = auroc_coverage(20, 20, 0.97, 1500, seed=5)
    assert plain < 0.92
    assert 0.93 <= logit <= 0.985


def ratio(values: np.ndarray) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return the ratio of two means, a statistic without a textbook interval."""

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"ratio": (weights @ values[:, 0]) / (weights @ values[:, 1])}

    return statistic


def bca_coverage(n: int, runs: int, replicates: int) -> float:
    """Return the coverage of BCa for the ratio of two correlated gamma means."""
    rng = np.random.default_rng(n)
    hits = 0
    for run in range(runs):
        base = rng.gamma(4.0, size=n)
        values = np.stack([base + rng.gamma(2.0, size=n), base], axis=1)
        sample = Sample(np.arange(n), n)
        found = bootstrap(ratio(values), sample, replicates=replicates, seed=run)
        hits += covers(found["ratio"], 1.5)
    return hits / runs


def clustered_coverage(patients: int, images: int, runs: int, by_patient: bool) -> float:
    """Return the coverage of a proportion whose truth varies from patient to patient."""
    rng = np.random.default_rng(patients)
    cluster = np.repeat(np.arange(patients), images)
    hits = 0
    for _ in range(runs):
        hit = (rng.random(len(cluster)) < rng.beta(8, 2, patients)[cluster]).astype(float)
        found = (
            clustered_proportion(hit, cluster)
            if by_patient
            else proportion(float(hit.sum()), len(hit))
        )
        hits += covers(found, 0.8)
    return hits / runs


def bootstrap_clustered_coverage(patients: int, images: int, runs: int, replicates: int) -> float:
    """Return the coverage of the patient-clustered BCa bootstrap of the same proportion."""
    rng = np.random.default_rng(patients)
    cluster = np.repeat(np.arange(patients), images)
    hits = 0

    def share(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"share": weights[:, 1] / weights.sum(axis=1)}

    for run in range(runs):
        hit = rng.random(len(cluster)) < rng.beta(8, 2, patients)[cluster]
        sample = Sample(hit.astype(np.int64), 2, cluster)
        hits += covers(bootstrap(share, sample, replicates=replicates, seed=run)["share"], 0.8)
    return hits / runs


def test_clustered_proportions_are_nominal_where_the_plain_ones_are_not() -> None:
    assert 0.93 <= clustered_coverage(80, 6, 1500, by_patient=True) <= 0.975
    assert clustered_coverage(80, 6, 1500, by_patient=False) < 0.92


def test_bca_is_nearly_nominal() -> None:
    assert 0.91 <= bca_coverage(60, 250, 300) <= 0.985


def test_clustered_bca_is_nearly_nominal() -> None:
    assert 0.91 <= bootstrap_clustered_coverage(80, 4, 250, 300) <= 0.985


def paired_coverage(patients: int, images: int, runs: int) -> dict[str, float]:
    """Return the coverage of paired differences, images of a patient sharing its difficulty."""
    rng = np.random.default_rng(patients)
    cluster = np.repeat(np.arange(patients), images)
    label = (np.arange(patients) % 2)[cluster]
    held = {"auroc": 0, "accuracy": 0, "auroc, image by image": 0}
    for _ in range(runs):
        shared = rng.normal(size=(2, patients))[:, cluster] + rng.normal(size=len(cluster))
        score = 1.3 * label + shared + 0.5 * rng.normal(size=(2, len(cluster)))
        right = ((score > 0.65) == (label == 1)).astype(np.int64)
        found = {
            "auroc": paired_delong(label, score[0], score[1], cluster=cluster),
            "auroc, image by image": paired_delong(label, score[0], score[1]),
        }
        held["accuracy"] += covers(paired_difference(right[0], right[1], cluster=cluster), 0.0)
        for name, test in found.items():
            assert test is not None
            held[name] += covers(test.difference, 0.0)
    return {name: count / runs for name, count in held.items()}


def test_paired_differences_are_nominal_where_the_plain_ones_are_not() -> None:
    found = paired_coverage(60, 4, 600)
    assert 0.93 <= found["auroc"] <= 0.975
    assert 0.93 <= found["accuracy"] <= 0.98
    assert found["auroc, image by image"] < 0.9


@pytest.mark.long
def test_the_whole_table_of_coverages() -> None:
    rows: list[tuple[str, str, float]] = []
    for n in (*SIZES, 1000):
        for p in (0.01, 0.05, 0.2, 0.5, 0.9, 0.98):
            rows += [
                (method, f"n={n} p={p}", exact_coverage(method, n, np.array([p]))[0])
                for method in ("wilson", "clopper_pearson", "agresti_coull")
            ]
    for m, n in ((10, 10), (20, 180), (50, 50), (100, 400), (500, 500)):
        for area in (0.7, 0.9, 0.97):
            logit, plain = auroc_coverage(m, n, area, 4000, seed=7)
            rows += [("delong, logit", f"{m}+{n} A={area}", logit)]
            rows += [("delong, plain", f"{m}+{n} A={area}", plain)]
    for n in (20, 60, 200):
        rows.append(("bca", f"n={n}", bca_coverage(n, 1500, 1000)))
    for patients, images in ((20, 5), (80, 6), (300, 3)):
        where = f"{patients} patients of {images}"
        rows.append(
            ("wilson, image by image", where, clustered_coverage(patients, images, 4000, False))
        )
        rows.append(("wilson-clustered", where, clustered_coverage(patients, images, 4000, True)))
        share = bootstrap_clustered_coverage(patients, images, 1500, 1000)
        rows.append(("bca-clustered", where, share))
    for method, where, share in rows:
        mark = "" if 0.94 <= share <= 0.96 else "  outside 94-96 %"
        print(f"{method:24} {where:24} {100 * share:6.2f} %{mark}")  # noqa: T201
    attained = {"delong, logit": 0.93, "wilson-clustered": 0.92, "clopper_pearson": 0.95 - 1e-12}
    for method, where, share in rows:
        assert share >= attained.get(method, 0.0), (method, where)
