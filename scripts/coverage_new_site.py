"""Measure how often the intervals of a new site hold: simulated sources, drawn anew each time.

python scripts/coverage_new_site.py --repeats 1000
python scripts/coverage_new_site.py --auroc --sources 7 --middles 0.95 --spreads 0.4 0.8

Shares of each source are normal on the logit scale; counts are binomial, of 80 to 200 cases a source
or, unevenly, of 15 to 600. An interval of the middle holds if it contains the middle, a prediction
interval if it contains the share of a further source. Beside medcnn's stands the usual way: logits
with a continuity correction, REML, Hartung and Knapp, and Student's t with k - 2 degrees of freedom.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import t as student

from medcnn.metrics.auroc import auroc_value, auroc_variance
from medcnn.metrics.heterogeneity import random_effects
from medcnn.metrics.pooling import pool_shares

Floats = npt.NDArray[np.float64]
SOURCES, MIDDLES, SPREADS = (5, 7, 10), (0.85, 0.95), (0.2, 0.4, 0.6, 0.8, 1.0)
SIZES = {"even": (80, 200), "uneven": (15, 600)}


def usual(x: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return interval and prediction interval of the normal approximation."""
    y, v = np.log((x + 0.5) / (n - x + 0.5)), 1 / (x + 0.5) + 1 / (n - x + 0.5)
    found, k = random_effects(y, v), len(y)
    error = (found.ci[1] - found.mean) / student.ppf(0.975, k - 1)
    half = student.ppf(0.975, k - 2) * np.hypot(np.sqrt(found.tau2), error)
    return expit(np.array(found.ci)), expit(found.mean + np.array([-half, half]))


def holds(interval: npt.ArrayLike, value: float) -> bool:
    """Return whether an interval contains a value."""
    low, high = np.asarray(interval)
    return bool(low <= value <= high)


def shares(k: int, middle: float, tau: float, size: str, repeats: int) -> Iterator[list[bool]]:
    """Yield, each time, which of the four intervals hold."""
    rng = np.random.default_rng([k, int(1000 * middle), int(100 * tau), len(size)])
    low, high = SIZES[size]
    for _ in range(repeats):
        n = np.exp(rng.uniform(np.log(low), np.log(high), k)).round()
        x = rng.binomial(n.astype(int), expit(rng.normal(logit(middle), tau, k))).astype(float)
        new = float(expit(rng.normal(logit(middle), tau)))
        found, other = pool_shares(x, n), usual(x, n)
        yield [
            *(holds(found.ci, middle), holds(found.prediction, new)),
            *(holds(other[0], middle), holds(other[1], new)),
        ]


def areas(k: int, middle: float, tau: float, size: str, repeats: int) -> Iterator[list[bool]]:
    """Yield the same of AUROCs, of normal scores whose AUROC differs by source; none of the usual."""
    from scipy.stats import norm

    rng = np.random.default_rng([k, int(1000 * middle), int(100 * tau), 7])
    low, high = SIZES[size]
    for _ in range(repeats):
        n = np.exp(rng.uniform(np.log(low), np.log(high), k)).round().astype(int)
        truth = expit(rng.normal(logit(middle), tau, k))
        values, worth = np.empty(k), np.empty(k)
        for at in range(k):
            label = np.arange(n[at]) % 2
            score = rng.normal(size=n[at]) + label * np.sqrt(2) * norm.ppf(truth[at])
            values[at] = auroc_value(label, score)
            variance = auroc_variance(label, score) or 0.0
            apart = variance <= 0 or values[at] in (0.0, 1.0)
            worth[at] = (
                n[at] // 2 if apart else min(values[at] * (1 - values[at]) / variance, n[at])
            )
        found = pool_shares(values * worth, worth)
        new = float(expit(rng.normal(logit(middle), tau)))
        yield [holds(found.ci, middle), holds(found.prediction, new)]


def main() -> None:
    """Print a line for each setting, and the mean of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--auroc", action="store_true", help="AUROCs instead of shares")
    parser.add_argument("--sources", type=int, nargs="+", default=SOURCES)
    parser.add_argument("--middles", type=float, nargs="+", default=MIDDLES)
    parser.add_argument("--spreads", type=float, nargs="+", default=SPREADS, help="SD of the logit")
    asked = parser.parse_args()
    simulate = areas if asked.auroc else shares
    print("sources middle tau cases | interval prediction | usual: interval prediction")
    lines = []
    for k in asked.sources:
        for middle in asked.middles:
            for tau in asked.spreads:
                for size in SIZES:
                    held = 100 * np.mean(
                        list(simulate(k, middle, tau, size, asked.repeats)), axis=0
                    )
                    lines.append(held)
                    print(k, middle, tau, size, "|", *(f"{each:.1f}" for each in held), flush=True)
    for name, summary in (("mean", np.mean), ("least", np.min), ("most", np.max)):
        print(name, *(f"{each:.1f}" for each in summary(lines, axis=0)))


if __name__ == "__main__":
    main()
