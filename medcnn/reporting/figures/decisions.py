"""What a decision is worth: net benefit, and predictive values where the disease is rarer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from medcnn.metrics.decision import Confusion, predictive_values_at
from medcnn.reporting.figures.style import (
    ABNORMAL,
    ACCENT,
    INK,
    MUTED,
    NORMAL,
    legend,
    localise,
    new_figure,
    proportions,
)
from medcnn.reporting.wording import Wording

Array = npt.NDArray[np.float64]


def net_benefit(label_N: npt.NDArray[np.int64], score_N: Array, odds_at: Array) -> Array:
    """Return the net benefit of calling ``score >= p`` abnormal at each threshold probability p.

    True positives minus false positives weighted by the odds of p, a case (Vickers and Elkin, Med
    Decis Making 26, 2006).
    """
    positives = np.sort(score_N[label_N == 1])
    negatives = np.sort(score_N[label_N == 0])
    true = len(positives) - np.searchsorted(positives, odds_at, side="left")
    false = len(negatives) - np.searchsorted(negatives, odds_at, side="left")
    benefit: Array = (true - false * odds_at / (1 - odds_at)) / len(label_N)
    return benefit


def decision_curve(
    label_N: npt.NDArray[np.int64], score_N: Array, threshold: float, words: Wording
) -> Figure:
    """Draw net benefit of the model beside reading all and reading none as abnormal."""
    figure, (axes,) = new_figure(5.4, 3.8)
    odds_at = np.linspace(0.01, 0.99, 197)
    prevalence = float(label_N.mean())
    everyone = prevalence - (1 - prevalence) * odds_at / (1 - odds_at)
    model = net_benefit(label_N, score_N, odds_at)
    axes.plot(odds_at, model, color=ACCENT, lw=1.8, label=words("fig.model"))
    axes.plot(odds_at, everyone, color=MUTED, lw=1.1, ls=(0, (4, 2)), label=words("fig.treat_all"))
    axes.axhline(0, color=INK, lw=0.9, label=words("fig.treat_none"))
    axes.axvline(threshold, color=ABNORMAL, lw=1.0, ls=(0, (2, 2)), label=words("fig.threshold"))
    axes.set(xlim=(0, 1), ylim=(-0.1 * max(prevalence, 0.1), 1.1 * max(prevalence, 0.05)))
    localise(axes, words)
    proportions(axes, words, "x")
    axes.set_xlabel(words("fig.threshold_probability"))
    axes.set_ylabel(words("fig.net_benefit"))
    legend(axes, loc="upper right")
    return figure


def predictive_values(
    confusion: Confusion, prevalence: float, level: float, words: Wording
) -> Figure:
    """Draw PPV and NPV against prevalence at the operating point, with their intervals.

    Bayes' rule on the sensitivity and specificity seen here, as in the table of the report.
    """
    figure, (axes,) = new_figure(5.4, 3.8)
    grid = np.concatenate([[0.001, 0.003, 0.007], np.linspace(0.01, 0.99, 99), [0.999]])
    found = [predictive_values_at(confusion, float(at), level) for at in grid]
    looks: tuple[tuple[str, str, Any], ...] = (
        ("ppv", ABNORMAL, "-"),
        ("npv", NORMAL, (0, (5, 1.5))),
    )
    for index, (name, colour, style) in enumerate(looks):
        known = [pair[index] for pair in found]
        if any(value.value is None or value.ci is None for value in known):
            continue
        low, high = np.array([value.ci for value in known], dtype=np.float64).T
        axes.fill_between(grid, low, high, color=colour, alpha=0.13, lw=0)
        values = np.array([value.value for value in known], dtype=np.float64)
        axes.plot(grid, values, color=colour, lw=1.8, ls=style, label=words(f"measure.{name}"))
    axes.axvline(prevalence, color=INK, lw=1, ls=(0, (2, 2)), label=words("fig.prevalence_here"))
    axes.set(xlim=(0, 1), ylim=(-0.01, 1.02))
    proportions(axes, words, "x")
    proportions(axes, words, "y")
    axes.set_xlabel(words("fig.prevalence"))
    axes.set_ylabel(words("fig.predictive_value"))
    legend(axes, loc="lower center")
    return figure
