"""Measure how often the intervals of a new site hold: simulated sources, drawn anew each time.

python scripts/coverage_new_site.py --repeats 1000
python scripts/coverage_new_site.py --auroc --sources 7 --middles 0.95 --spreads 0.4 0.8

Shares of each source are normal on the logit scale; counts are binomial, of 80 to 200 cases a source
or, unevenly, of 15 to 600. An interval of the middle holds if it contains the middle, a prediction
interval if it contains the share of a further source. Beside medcnn's stands the usual way: logits
with a continuity correction, REML, Hartung and Knapp, and Student's t with k - 2 degrees of freedom.

All draws of a setting are integrated at once on one fixed grid, which is a hundred times as fast as
``pool_shares`` and against which its intervals are held in each setting; the last line says how far
they were off at most, in probability.

Legend: R draws, K sources, M middles, T spreads, G shares of a source. ``x`` of ``n`` cases are events,
both R×K.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtr
from scipy.stats import norm
from scipy.stats import t as student

from medcnn.metrics.auroc import auroc_value, auroc_variance
from medcnn.metrics.heterogeneity import random_effects
from medcnn.metrics.pooling import log_prior, pool_shares

Floats = npt.NDArray[np.float64]
SOURCES, MIDDLES, SPREADS = (5, 7, 10), (0.85, 0.95), (0.2, 0.4, 0.6, 0.8, 1.0)
SIZES = {"even": (80, 200), "uneven": (15, 600)}
THETAS = np.arange(-8.0, 16.0, 0.025)
TAUS = 5 * np.linspace(0.002, 1, 36) ** 2
BATCH = 50


class Grid:
    """How sources lie around every middle near one with every spread, (M·T)×G.

    Args:
        middle: On the logit scale.
    """

    def __init__(self, middle: float) -> None:
        self.middles = middle + np.linspace(-4, 4, 161)
        edges = np.append(THETAS - 0.0125, THETAS[-1] + 0.0125)
        apart = (edges - self.middles[:, None, None]) / np.maximum(TAUS, 0.01)[:, None]
        self.lies = np.diff(ndtr(apart), axis=2).astype(np.float32).reshape(-1, len(THETAS))
        self.prior = log_prior(self.middles, TAUS)

    def below(self, x: Floats, n: Floats, middle: float, new: Floats) -> Floats:
        """Return how much of the posterior lies below the middle, and below a new source's, 2×R."""
        log_p = x.reshape(-1, 1) * THETAS - n.reshape(-1, 1) * np.logaddexp(0, THETAS)
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True)).astype(np.float32)
        of_each = np.log(np.maximum(self.lies @ p.T, 1e-30))
        shape = (len(self.middles), len(TAUS), *x.shape)
        weight = of_each.reshape(shape).sum(axis=-1) + self.prior[..., None]
        weight = np.exp(weight - weight.max(axis=(0, 1)))
        weight /= weight.sum(axis=(0, 1))
        of_middle = weight.sum(axis=1)
        reached = np.cumsum(of_middle, axis=0) - of_middle / 2
        first = [np.interp(middle, self.middles, each) for each in reached.T]
        spread = np.maximum(TAUS, 0.03)[:, None]
        second = (weight * ndtr((new - self.middles[:, None, None]) / spread)).sum(axis=(0, 1))
        return np.stack([np.array(first), second])


def usual(x: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return interval and prediction interval of the normal approximation."""
    y, v = np.log((x + 0.5) / (n - x + 0.5)), 1 / (x + 0.5) + 1 / (n - x + 0.5)
    found, k = random_effects(y, v), len(y)
    error = (found.ci[1] - found.mean) / student.ppf(0.975, k - 1)
    half = student.ppf(0.975, k - 2) * np.hypot(np.sqrt(found.tau2), error)
    return np.array(found.ci), found.mean + np.array([-half, half])


def shares(rng: np.random.Generator, truth: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return counts of events and of cases."""
    return rng.binomial(n.astype(int), truth).astype(float), n


def areas(rng: np.random.Generator, truth: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return AUROCs of normal scores as counts that are worth as much."""
    found = [
        _area(rng, area, int(cases)) for area, cases in zip(truth.ravel(), n.ravel(), strict=True)
    ]
    value, worth = np.array(found).T.reshape(2, *truth.shape)
    return value * worth, worth


def _area(rng: np.random.Generator, truth: float, n: int) -> tuple[float, float]:
    label = np.arange(n) % 2
    score = rng.normal(size=n) + label * np.sqrt(2) * norm.ppf(truth)
    value, variance = auroc_value(label, score) or 0.0, auroc_variance(label, score) or 0.0
    apart = variance <= 0 or value in (0.0, 1.0)
    return value, n // 2 if apart else min(value * (1 - value) / variance, n)


def measure(
    grid: Grid, k: int, middle: float, tau: float, size: str, asked: argparse.Namespace
) -> tuple[list[float], float]:
    """Return how often, in per cent, the intervals held, and how far off ``pool_shares`` was."""
    rng = np.random.default_rng([k, int(1000 * middle), int(100 * tau), len(size), asked.seed])
    low, high = SIZES[size]
    n = np.exp(rng.uniform(np.log(low), np.log(high), (asked.repeats, k))).round()
    at = float(logit(middle))
    truth = expit(rng.normal(at, tau, n.shape))
    new = rng.normal(at, tau, asked.repeats)
    x, n = (areas if asked.auroc else shares)(rng, truth, n)
    parts = [slice(start, start + BATCH) for start in range(0, asked.repeats, BATCH)]
    below = np.hstack([grid.below(x[p], n[p], at, new[p]) for p in parts])
    held = [*((below > 0.025) & (below < 0.975))]
    if not asked.auroc:
        ends = np.array([usual(*each) for each in zip(x, n, strict=True)])
        truths = np.stack([np.full_like(new, at), new], axis=1)
        held += [*((ends[..., 0] <= truths) & (truths <= ends[..., 1])).T]
    return [100 * float(each.mean()) for each in held], _off(grid, x[0], n[0])


def _off(grid: Grid, x: Floats, n: Floats) -> float:
    found = pool_shares(x, n)
    ends = zip(logit(found.ci), logit(found.prediction), (0.025, 0.975), strict=True)
    return max(
        float(np.abs(grid.below(x[None], n[None], one, np.array([two])) - tail).max())
        for one, two, tail in ends
    )


def main() -> None:
    """Print a line for each setting, and the mean of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--auroc", action="store_true", help="AUROCs instead of shares")
    parser.add_argument("--sources", type=int, nargs="+", default=SOURCES)
    parser.add_argument("--middles", type=float, nargs="+", default=MIDDLES)
    parser.add_argument("--spreads", type=float, nargs="+", default=SPREADS, help="SD of the logit")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print("sources middle tau cases | interval prediction | usual: interval prediction")
    lines, off = [], 0.0
    for middle in asked.middles:
        grid = Grid(float(logit(middle)))
        for k in asked.sources:
            for tau in asked.spreads:
                for size in SIZES:
                    held, wrong = measure(grid, k, middle, tau, size, asked)
                    lines.append(held)
                    off = max(off, wrong)
                    print(k, middle, tau, size, "|", *(f"{each:.1f}" for each in held), flush=True)
    for name, summary in (("mean", np.mean), ("least", np.min), ("most", np.max)):
        print(name, *(f"{each:.1f}" for each in summary(lines, axis=0)))
    print(f"the intervals of pool_shares are within {off:.4f} of these in probability")


if __name__ == "__main__":
    main()
