"""How often the intervals of medcnn hold the truth, by the number of cases and the prevalence.

    python scripts/benchmark_intervals.py [--runs 2000] [--output coverage.csv]

Scores are simulated from a binormal model whose sensitivity, specificity and AUROC are known; with
several images a patient, images share a patient's part of the score. A method is nominal where it
covers 94 to 96 % (the simulation's own error at 2000 runs is 0.5 points). Wilson's interval of one
proportion jumps with the counts that are possible: it is summed exactly and averaged over
proportions. Clopper and Pearson's is meant to cover more. One core, eight minutes at 2000 runs.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from medcnn.evaluation.measures import balanced_accuracy
from medcnn.metrics.agreement import f1, kappa, matthews
from medcnn.metrics.areas import average_precision_estimate, partial_auroc_estimate
from medcnn.metrics.auroc import auroc, paired_delong
from medcnn.metrics.bootstrap import bootstrap
from medcnn.metrics.calibration import (
    brier_losses,
    log_losses,
    mean_estimate,
)
from medcnn.metrics.cells import MAX_FPR, CellMetrics, reduce_to_cells
from medcnn.metrics.comparison import paired_difference
from medcnn.metrics.estimate import Estimate, FloatArray, IntArray
from medcnn.metrics.proportions import clustered_proportion, proportion

CASES = (100, 200, 500, 1000)
PREVALENCES = (0.1, 0.3, 0.5)
AREA = 0.9
NEARER = 0.7  # how alike the two scores of a case are
IMAGES = 3
ALIKE = 0.6  # how alike the images of a patient are
CUT = 0.8
FEWEST = 2  # patients of a class; samples with fewer are drawn again
ENOUGH = 30
LOSSES = {"Brier score": brier_losses, "log loss": log_losses}
SHARE = 5  # of the runs, one in so many is bootstrapped
BOOTSTRAPPED = {
    "sensitivity at specificity 0.9, BCa": "sensitivity_at_specificity 0.90",
    "specificity at sensitivity 0.9, BCa": "specificity_at_sensitivity 0.90",
}


def main() -> int:
    """Print a table of coverages and say which lie outside 94 to 96 %."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--replicates", type=int, default=400, help="of the bootstrap")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="a CSV file for the table")
    asked = parser.parse_args()
    rows = list(exact_rows())
    for n in CASES:
        for prevalence in PREVALENCES:
            for images in (1, IMAGES):
                rows += simulated(n, prevalence, images, asked.runs, asked.replicates, asked.seed)
    table = pd.DataFrame(rows)
    table["nominal"] = table["coverage"].between(0.94, 0.96)
    shown = table.pivot_table("coverage", ["method", "images"], ["n", "prevalence"])
    sys.stdout.write(f"{(100 * shown).round(1).to_string()}\n")
    enough = table["n"] * table["prevalence"] >= ENOUGH * table["images"]
    for name, rows_of in (("all settings", table), (f"{ENOUGH} abnormal patients", table[enough])):
        inside = rows_of["nominal"].mean()
        low, high = rows_of["coverage"].min(), rows_of["coverage"].max()
        sys.stdout.write(
            f"{name}: {inside:.0%} of {len(rows_of)} within 94-96 %, {low:.1%} to {high:.1%}\n"
        )
    if asked.output:
        table.to_csv(asked.output, index=False)
    return 0


def exact_rows() -> Iterator[dict[str, object]]:
    """Yield the mean coverage of the intervals of a proportion over proportions from 0.5 to 0.99."""
    truth = np.linspace(0.5, 0.99, 491)
    for method in ("wilson", "clopper_pearson", "agresti_coull"):
        for n in CASES:
            for prevalence in PREVALENCES:
                count = round(n * prevalence)
                bounds = np.array([proportion(k, count, method).ci for k in range(count + 1)])
                holds = (bounds[:, :1] <= truth) & (truth <= bounds[:, 1:])
                chance = stats.binom.pmf(np.arange(count + 1)[:, None], count, truth)
                coverage = float((holds * chance).sum(axis=0).mean())
                yield row(f"{method}, sensitivity", n, prevalence, 1, coverage)


def row(method: str, n: int, prevalence: float, images: int, coverage: float) -> dict[str, object]:
    """Return one line of the table."""
    return {
        "method": method,
        "n": n,
        "prevalence": prevalence,
        "images": images,
        "coverage": coverage,
    }


def simulated(
    n: int, prevalence: float, images: int, runs: int, replicates: int, seed: int
) -> list[dict[str, object]]:
    """Return the coverage of every simulated interval at one setting.

    The bootstrap, far slower than the rest, is given a fifth of the runs.
    """
    rng = np.random.default_rng([seed, n, round(100 * prevalence), images])
    truth = truths(prevalence)
    held: dict[str, list[bool]] = defaultdict(list)
    for run in range(runs):
        label, first, second, cluster = draw(rng, n, prevalence, images)
        found = closed_forms(label, first, second, cluster if images > 1 else None)
        if run % SHARE == 0:
            found |= resampled(label, first, cluster if images > 1 else None, replicates, run)
        for name, estimate in found.items():
            if estimate.ci is not None:
                held[name].append(estimate.ci[0] <= truth[name] <= estimate.ci[1])
    return [
        row(name, n, prevalence, images, float(np.mean(results))) for name, results in held.items()
    ]


def draw(
    rng: np.random.Generator, n: int, prevalence: float, images: int
) -> tuple[IntArray, FloatArray, FloatArray, IntArray]:
    """Return labels, two scores of the same cases, and the patient of each.

    All images of a patient have the patient's label.
    """
    patients = math.ceil(n / images)
    abnormal = np.zeros(patients, dtype=np.int64)
    while min(abnormal.sum(), patients - abnormal.sum()) < FEWEST:
        abnormal = (rng.random(patients) < prevalence).astype(np.int64)
    cluster = np.repeat(np.arange(patients), images)[:n]
    label = abnormal[cluster]
    shift = math.sqrt(2) * stats.norm.ppf(AREA)
    share = ALIKE if images > 1 else 0.0
    common, own = pair(rng, patients), pair(rng, n)
    first, second = (
        shift * label + math.sqrt(share) * common[k][cluster] + math.sqrt(1 - share) * own[k]
        for k in range(2)
    )
    return label, first, second, cluster


def pair(rng: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
    """Return two correlated standard normal columns."""
    common, first, second = rng.normal(size=(3, n))
    near, apart = math.sqrt(NEARER), math.sqrt(1 - NEARER)
    return near * common + apart * first, near * common + apart * second


def truths(prevalence: float) -> dict[str, float]:
    """Return what each interval should hold."""
    shift = math.sqrt(2) * stats.norm.ppf(AREA)
    sensitivity = float(stats.norm.sf(CUT - shift))
    specificity = float(stats.norm.cdf(CUT))
    both = [
        stats.multivariate_normal([0, 0], [[1, NEARER], [NEARER, 1]]).cdf([cut, cut])
        for cut in (shift - CUT, -CUT)
    ]
    called = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
    agree = prevalence * both[0] + (1 - prevalence) * both[1]
    observed = 1 - 2 * called + 2 * agree
    chance = called**2 + (1 - called) ** 2
    hits, alarms = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
    return {
        "sensitivity, by patient": sensitivity,
        "specificity": specificity,
        "AUROC, DeLong": AREA,
        "AUROC difference, paired DeLong": 0.0,
        "sensitivity difference, paired": 0.0,
        "specificity difference, paired": 0.0,
        "kappa": (observed - chance) / (1 - chance),
        "balanced accuracy, MOVER": (sensitivity + specificity) / 2,
        "F1": 2 * hits / (hits + alarms + prevalence),
        "Matthews correlation": (hits - called * prevalence)
        / math.sqrt(called * (1 - called) * prevalence * (1 - prevalence)),
        **curve_truths(prevalence, shift),
    }


def curve_truths(prevalence: float, shift: float) -> dict[str, float]:
    """Return what is read off curves and probabilities, integrated over a fine grid of scores."""
    score = np.linspace(8 + shift, -8, 400_001)
    tpr, fpr = stats.norm.sf(score - shift), stats.norm.sf(score)
    precision = prevalence * tpr / (prevalence * tpr + (1 - prevalence) * fpr)
    inside = fpr <= MAX_FPR
    area = float(np.trapezoid(tpr[inside], fpr[inside]))
    chance = MAX_FPR**2 / 2
    p = stats.norm.cdf(score - CUT)
    abnormal, normal = prevalence * np.diff(tpr), (1 - prevalence) * np.diff(fpr)
    return {
        "average precision": float(np.trapezoid(precision, tpr)),
        "partial AUROC": 0.5 * (1 + (area - chance) / (MAX_FPR - chance)),
        **{
            name: float(abnormal @ losses(np.ones(len(normal), int), p[1:]))
            + float(normal @ losses(np.zeros(len(normal), int), p[1:]))
            for name, losses in LOSSES.items()
        },
        "sensitivity at specificity 0.9, BCa": float(np.interp(0.1, fpr, tpr)),
        "specificity at sensitivity 0.9, BCa": float(1 - np.interp(0.9, tpr, fpr)),
    }


def closed_forms(
    label: IntArray, first: FloatArray, second: FloatArray, cluster: IntArray | None
) -> dict[str, Estimate]:
    """Return the intervals that a formula gives."""
    called = [(score >= CUT).astype(np.int64) for score in (first, second)]
    found = {
        "AUROC, DeLong": auroc(label, first, cluster=cluster),
        "kappa": kappa(called[0], called[1], cluster=cluster),
        "F1": f1(called[0], label, cluster=cluster),
        "Matthews correlation": matthews(called[0], label, cluster=cluster),
        "average precision": average_precision_estimate(label, first, cluster=cluster),
        "partial AUROC": partial_auroc_estimate(label, first, MAX_FPR, cluster=cluster),
    }
    p = stats.norm.cdf(first - CUT)
    for name, losses in LOSSES.items():
        found[name] = mean_estimate(losses(label, p), cluster)
    rates: dict[str, Estimate] = {}
    for name, value in (("sensitivity", 1), ("specificity", 0)):
        mask = label == value
        right = [(each == label)[mask].astype(np.int64) for each in called]
        inside = None if cluster is None else cluster[mask]
        found[f"{name} difference, paired"] = paired_difference(right[0], right[1], cluster=inside)
        if inside is None:
            rates[name] = proportion(int(right[0].sum()), len(right[0]))
        else:
            rates[name] = clustered_proportion(right[0], inside)
    found["balanced accuracy, MOVER"] = balanced_accuracy(
        rates["sensitivity"], rates["specificity"]
    )
    if cluster is not None:
        found["sensitivity, by patient"] = rates["sensitivity"]
    delong = paired_delong(label, first, second, cluster=cluster)
    if delong is not None:
        found["AUROC difference, paired DeLong"] = delong.difference
    return found


def resampled(
    label: IntArray, score: FloatArray, cluster: IntArray | None, replicates: int, seed: int
) -> dict[str, Estimate]:
    """Return the intervals that the bootstrap gives."""
    p = stats.norm.cdf(score - CUT)
    cells = reduce_to_cells(label, p, 0.5, cluster)
    metrics = CellMetrics(cells, (0.9,), (0.9,))

    found = bootstrap(metrics.along_curve, cells.sample, replicates=replicates, seed=seed)
    return {shown: found[name] for shown, name in BOOTSTRAPPED.items()}


if __name__ == "__main__":
    raise SystemExit(main())
