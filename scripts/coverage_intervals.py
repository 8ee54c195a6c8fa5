"""How often the intervals that a report prints hold the truth, from few patients to enough.

    python scripts/coverage_intervals.py [--runs 2000] [--output coverage.csv] [--quick]

Scores are binormal with an AUROC of 0.85, and probabilities either calibrated or twice too extreme in
the logit (slope 0.5), so that every truth is known by integration. With three images a patient, images
share 0.6 of the variance and the label of their patient. The samples have seeds of their own, apart
from those of ``benchmark_intervals.py``, with which the methods were chosen. An interval that is not
printed (``no-interval-…``) does not count as one that fails; ``printed`` says how often it was there.
All that counts cases goes through ``measures``, as in a report. One core: half an hour at 2000 runs,
of which the points of the curve, bootstrapped in one of ten, take most; without them (``--quick``) ten
minutes.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from medcnn.evaluation import measures
from medcnn.evaluation.cases import Cases
from medcnn.metrics.bootstrap import bootstrap
from medcnn.metrics.calibration import (
    brier_losses,
    log_losses,
    mean_estimate,
    slope_and_intercept,
)
from medcnn.metrics.cells import CellMetrics, reduce_to_cells
from medcnn.metrics.estimate import Estimate, FloatArray

SIZES = (60, 120, 200, 400)
PREVALENCES = (0.2, 0.35, 0.5)
IMAGES = (1, 3)
STEEPNESS = (1.0, 2.0)  # of the logit of the probability against the true log odds
SHIFT = math.sqrt(2) * float(stats.norm.ppf(0.85))
ALIKE = 0.6
CUT = 0.5  # the threshold of all that needs one
BENEFIT = (0.1, 0.5, 0.8, 0.9, 0.95)
SHARE = 10  # of the runs, one in so many is bootstrapped
OFTEN = 0.1  # of the runs, in which an interval has to be printed for its coverage to be told
SEED = 20_261_130  # no other script draws from it
GRID = np.linspace(-9, 9 + SHIFT, 40_001)


def main() -> int:
    """Print the coverage by method and setting, and what lies outside the bounds that are promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--output", help="a CSV file for the table")
    parser.add_argument("--quick", action="store_true", help="without the bootstrap")
    asked = parser.parse_args()
    rows = [
        row
        for n in SIZES
        for prevalence in PREVALENCES
        for images in IMAGES
        for steep in STEEPNESS
        for row in setting(n, prevalence, images, steep, asked.runs, bootstrapped=not asked.quick)
    ]
    table = pd.DataFrame(rows)
    bands = pd.cut(table["rarer"], [0, 14, 29, 999], labels=["below 15", "15 to 29", "30 and more"])
    shown = table[table["printed"] > OFTEN].assign(patients=bands)
    grouped = shown.groupby(["name", "images", "patients"], observed=True)["coverage"]
    summary = (100 * grouped.agg(["min", "mean", "max"])).round(1)
    sys.stdout.write(f"{summary.to_string()}\n")
    for name, least, low, high in (("30 patients", 30, 0.94, 0.96), ("15", 15, 0.93, 1.0)):
        enough = table[(table["rarer"] >= least) & (table["printed"] > OFTEN)]
        # A share of so many runs wavers by twice its standard error.
        slack = 2 * np.sqrt(0.05 * 0.95 / enough["counted"])
        outside = enough[~enough["coverage"].between(low - slack, high + slack)]
        sys.stdout.write(
            f"{name} of the rarer class: {len(enough) - len(outside)} of {len(enough)} within "
            f"{low:.0%} to {high:.0%}\n{outside.round(3).to_string(index=False)}\n"
        )
    if asked.output:
        table.to_csv(asked.output, index=False)
    return 0


def setting(
    n: int, prevalence: float, images: int, steep: float, runs: int, *, bootstrapped: bool
) -> Iterator[dict[str, object]]:
    """Yield the coverage of each interval at one setting."""
    rng = np.random.default_rng([SEED, n, round(100 * prevalence), images, round(steep)])
    truth = truths(prevalence, steep)
    held: dict[str, list[bool | None]] = defaultdict(list)
    for run in range(runs):
        cases = draw(rng, n, prevalence, images, steep)
        found = printed(cases)
        if bootstrapped and run % SHARE == 0 and steep == STEEPNESS[0]:
            found |= along_curve(cases, run)
        for name, each in found.items():
            inside = each.ci and each.ci[0] <= truth[name] <= each.ci[1]
            held[name].append(None if each.ci is None else bool(inside))
    for name, results in held.items():
        counted = [inside for inside in results if inside is not None]
        yield {
            "name": name,
            "n": n,
            "prevalence": prevalence,
            "images": images,
            "steepness": steep,
            "rarer": round(math.ceil(n / images) * min(prevalence, 1 - prevalence)),
            "coverage": float(np.mean(counted)) if counted else math.nan,
            "printed": len(counted) / len(results),
            "counted": len(counted),
        }


def draw(rng: np.random.Generator, n: int, prevalence: float, images: int, steep: float) -> Cases:
    """Return cases with two patients of each class or more."""
    patients = math.ceil(n / images)
    abnormal = np.zeros(patients, dtype=np.int64)
    while min(abnormal.sum(), patients - abnormal.sum()) < 2:
        abnormal = (rng.random(patients) < prevalence).astype(np.int64)
    cluster = np.repeat(np.arange(patients), images)[:n]
    label, common = abnormal[cluster], math.sqrt(ALIKE if images > 1 else 0.0)
    own = math.sqrt(1 - common**2) * rng.normal(size=n)
    score = SHIFT * label + common * rng.normal(size=patients)[cluster] + own
    p = special.expit(steep * log_odds(score, prevalence))
    return Cases(label, p, patients, cluster if images > 1 else None)


def log_odds(score: FloatArray, prevalence: float) -> FloatArray:
    """Return the true log odds of abnormal at a score."""
    odds: FloatArray = SHIFT * score - SHIFT**2 / 2 + math.log(prevalence / (1 - prevalence))
    return odds


def truths(prevalence: float, steep: float) -> dict[str, float]:
    """Return what each interval should hold, integrated over a fine grid of scores."""
    step = GRID[1] - GRID[0]
    abnormal = prevalence * stats.norm.pdf(GRID - SHIFT) * step
    normal = (1 - prevalence) * stats.norm.pdf(GRID) * step
    logit = steep * log_odds(GRID, prevalence)
    p = special.expit(logit)
    tpr, fpr = (np.cumsum(each[::-1])[::-1] for each in (abnormal, normal))

    def beyond(threshold: float) -> tuple[float, float]:
        score = float(np.interp(special.logit(threshold), logit, GRID))
        return float(stats.norm.sf(score - SHIFT)), float(stats.norm.sf(score))

    sensitivity, alarm = beyond(CUT)
    hits, alarms = prevalence * sensitivity, (1 - prevalence) * alarm
    ones, zeros = (np.full(len(p), k, dtype=np.int64) for k in (1, 0))
    found = {
        "sensitivity": sensitivity,
        "specificity": 1 - alarm,
        "ppv": hits / (hits + alarms),
        "npv": ((1 - prevalence) - alarms) / (1 - hits - alarms),
        "accuracy": hits + (1 - prevalence) - alarms,
        "auroc": 0.85,
        "balanced accuracy": (sensitivity + 1 - alarm) / 2,
        "f1": 2 * hits / (hits + alarms + prevalence),
        "average precision": float(abnormal @ (tpr / (tpr + fpr))) / prevalence,
        "brier": float(abnormal @ brier_losses(ones, p) + normal @ brier_losses(zeros, p)),
        "log loss": float(abnormal @ log_losses(ones, p) + normal @ log_losses(zeros, p)),
        "slope": 1 / steep,
        "intercept": float(
            optimize.brentq(
                lambda c: prevalence - (abnormal + normal) @ special.expit(c + logit), -9, 9
            )
        ),
    }
    for at in BENEFIT:
        hit, false = beyond(at)
        cost = (1 - prevalence) * false * at / (1 - at)
        found[f"net benefit at {at}"] = prevalence * hit - cost
    for at in measures.SPECIFICITIES:
        name = f"{measures.FIXED_SPECIFICITY} {at:.2f}"
        found[name] = float(stats.norm.sf(stats.norm.ppf(at) - SHIFT))
    for at in measures.SENSITIVITIES:
        name = f"{measures.FIXED_SENSITIVITY} {at:.2f}"
        found[name] = float(stats.norm.cdf(SHIFT - stats.norm.ppf(at)))
    return found


def printed(cases: Cases) -> dict[str, Estimate]:
    """Return the intervals that a formula gives, as a report prints them."""
    label, p, cluster = cases.label, cases.p, cases.cluster
    found = dict(vars(measures.headline(cases, CUT, 0.95)))
    decided = measures.of_decisions(cases, CUT, 0.95)
    slope, intercept = slope_and_intercept(label, p, 0.95, cluster)
    found |= {
        "balanced accuracy": decided.balanced_accuracy,
        "f1": decided.f1,
        "average precision": measures.average_precision(cases, 0.95),
        "brier": mean_estimate(brier_losses(label, p), cluster),
        "log loss": mean_estimate(log_losses(label, p), cluster),
        "slope": slope,
        "intercept": intercept,
    }
    for at in BENEFIT:
        found[f"net benefit at {at}"] = measures.net_benefit(cases, at, 0.95)
    return found


def along_curve(cases: Cases, seed: int) -> dict[str, Estimate]:
    """Return the points of the curve, of which 400 resamples are enough here."""
    cells = reduce_to_cells(cases.label, cases.p, CUT, cases.cluster)
    metrics = CellMetrics(cells, measures.SPECIFICITIES, measures.SENSITIVITIES)
    found = bootstrap(metrics.along_curve, cells.sample, replicates=400, seed=seed)
    return {name: measures.point_of_curve(each, name, cases) for name, each in found.items()}


if __name__ == "__main__":
    raise SystemExit(main())
