"""Fitting a calibrator on validation.

Guo et al., On calibration of modern neural networks, ICML 2017 (temperature); Platt, 1999, with the
smoothed targets of his section 2.2; Zadrozny and Elkan, KDD 2002 (isotonic) and ICML 2001
(histogram); Kull et al., Beta calibration, AISTATS 2017.

What happens where validation cannot tell: with one class only nothing is learnt and the sigmoid
stays, with a note; classes that the logits separate keep Platt's and beta's slopes finite through
the smoothed targets, put the temperature at its lower bound, and leave isotonic and histogram
within [1 / (n + 2), 1 - 1 / (n + 2)], since no n cases prove a probability of 0 or 1; logits that
rank the classes the wrong way round give the prevalence to all, never a falling curve: Platt and beta
keep the order of the cases within a thousandth, isotonic and histogram do not.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit

from medcnn.calibration.calibrator import LARGEST, NAMES, Array, Calibrator, beta_features
from medcnn.errors import DataError, unknown_name
from medcnn.notices import Notice

LIMITS = (0.05, 20.0)
EDGE = 1.01  # so near a bound the search has ended at it
BEYOND = 1e6  # how far beyond a bound the best is looked for, where there is one
BINS = 15
CASES_A_BIN = 20


def fit_calibrator(name: str, logit_N: npt.ArrayLike, label_N: npt.ArrayLike) -> Calibrator:
    """Return the calibrator ``name`` fitted to validation logits.

    Args:
        name: ``none``, ``temperature``, ``platt``, ``isotonic``, ``beta`` or ``histogram``.
        logit_N: Uncalibrated logits, any size.
        label_N: 0 normal, 1 abnormal.

    Raises:
        ConfigError: If there is no such calibrator.
        DataError: If a logit is NaN or there are no cases.
    """
    if name not in NAMES:
        raise unknown_name("calibrator", name, NAMES)
    if name == "none":
        return Calibrator()
    logit, label = _checked(logit_N, label_N)
    if label.min() == label.max():
        kind = "abnormal" if label[0] else "normal"
        return Calibrator(note=Notice("learnt_nothing", name=name, cases=len(label), kind=kind))
    return _FITS[name](logit, label)


def fit_temperature(logit_N: npt.ArrayLike, label_N: npt.ArrayLike) -> float:
    """Return the temperature that minimises the negative log-likelihood.

    The search is bounded to [0.05, 20], and goes on beyond a bound where the best lies there: a
    network that has hardly learnt gives logits close to 0, another logits of hundreds. Where no
    temperature is best the bound is returned: classes on either side of 0 ask for ever lower ones,
    logits that tell nothing for ever higher ones. From one class nothing is learnt (1 is returned).

    Args:
        logit_N: Uncalibrated logits.
        label_N: 0 normal, 1 abnormal.
    """
    logit, label = _checked(logit_N, label_N)
    if label.min() == label.max():
        return 1.0
    low, high = LIMITS
    value = _best_temperature(logit, label, LIMITS)
    if value < low * EDGE and not _separated(logit, label):
        return _best_temperature(logit, label, (low / BEYOND, low))
    if value > high / EDGE and not _untold(logit, label):
        return _best_temperature(logit, label, (high, high * BEYOND))
    return value


def _best_temperature(logit: Array, label: Array, bounds: tuple[float, float]) -> float:
    def loss(log_temperature: float) -> float:
        scaled = logit / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0.0, scaled) - label * scaled))

    found = minimize_scalar(loss, bounds=tuple(np.log(bounds)), method="bounded")
    return float(np.exp(found.x))


def _separated(logit: Array, label: Array) -> bool:
    """Say whether 0 parts the classes, so that a lower temperature is always better."""
    return bool(logit[label == 1].min() >= 0 >= logit[label == 0].max())


def _untold(logit: Array, label: Array) -> bool:
    """Say whether a higher temperature is always better: the slope of the loss at an infinite one."""
    return float((label - 0.5) @ logit) <= 0


def _checked(logit_N: npt.ArrayLike, label_N: npt.ArrayLike) -> tuple[Array, Array]:
    logit = np.clip(np.asarray(logit_N, dtype=np.float64), -LARGEST, LARGEST)
    label = np.asarray(label_N, dtype=np.float64)
    if len(logit) == 0 or np.isnan(logit).any():
        raise DataError(
            "A calibrator needs validation logits.",
            expected="at least one logit, none of them NaN",
            found=f"{len(logit)} logits, {int(np.isnan(logit).sum())} of them NaN",
            remedy="check that the training did not diverge",
        )
    return logit, label


def _temperature(logit: Array, label: Array) -> Calibrator:
    value, (low, high) = fit_temperature(logit, label), LIMITS
    note = ""
    if _separated(logit, label):
        note = Notice("temperature_low", bound=low) if value < low * EDGE else ""
    elif _untold(logit, label):
        note = Notice("temperature_high", bound=high)
    return Calibrator("temperature", (value,), note)


def _platt(logit: Array, label: Array) -> Calibrator:
    slope, intercept = _logistic(logit[:, None], label)
    if slope > 0:
        return Calibrator("platt", (slope, intercept))
    return Calibrator("platt", (_barely_rising(logit), intercept), _WRONG_WAY)


def _beta(logit: Array, label: Array) -> Calibrator:
    a, b, c = _logistic(np.column_stack(beta_features(logit)), label)
    if a + b > 0:
        return Calibrator("beta", (a, b, c))
    rise = _barely_rising(logit)
    return Calibrator("beta", (rise, rise, c), _WRONG_WAY)


def _barely_rising(logit: Array) -> float:
    """Return a slope that keeps the order of the cases and changes no probability by 0.001."""
    return 1e-3 / max(float(np.abs(logit).max()), 1.0)


def _isotonic(logit: Array, label: Array) -> Calibrator:
    from sklearn.isotonic import IsotonicRegression  # slow to import, and seldom asked for

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(logit, label)
    edge = 1 / (len(label) + 2)
    values = np.clip(fitted.y_thresholds_, edge, 1 - edge)
    note = "" if values[-1] > values[0] else _WRONG_WAY
    return Calibrator("isotonic", (*fitted.X_thresholds_.tolist(), *values.tolist()), note)


def _histogram(logit: Array, label: Array) -> Calibrator:
    """Bins of equal mass, each with its frequency by Laplace's rule, falling neighbours pooled."""
    from sklearn.isotonic import IsotonicRegression

    bins = min(BINS, max(2, len(logit) // CASES_A_BIN))
    inner = np.quantile(logit, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    edges = np.unique(inner[inner < logit.max()])
    index = np.searchsorted(edges, logit, side="left")
    count = np.bincount(index, minlength=len(edges) + 1).astype(float)
    share = (np.bincount(index, label, len(edges) + 1) + 1) / (count + 2)
    rising = IsotonicRegression().fit_transform(np.arange(len(count)), share, sample_weight=count)
    note = "" if rising[-1] > rising[0] else _WRONG_WAY
    return Calibrator("histogram", (*edges.tolist(), *rising.tolist()), note)


_WRONG_WAY = Notice("wrong_way")


def _logistic(features_ND: Array, label: Array) -> list[float]:
    """Return weights of at least 0, and the intercept, of a logistic regression.

    On Platt's targets, ``(N1 + 1) / (N1 + 2)`` and ``1 / (N0 + 2)``: with them the optimum is
    finite even where the features separate the classes.
    """
    positives = float(label.sum())
    negatives = len(label) - positives
    target = np.where(label == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    scale = max(float(np.abs(features_ND).max()), 1e-12)
    design = np.column_stack([features_ND / scale, np.ones(len(label))])
    columns = features_ND.shape[1]
    tries = []
    # The best weights of at least 0 leave some columns out and fit the rest freely: two at most,
    # so every choice is tried.
    for chosen in product((True, False), repeat=columns):
        used = np.array([*chosen, True])
        weights = np.zeros(columns + 1)
        weights[used] = _newton(design[:, used], target)
        if (weights[:columns] >= 0).all():
            tries.append((_loss(design, target, weights), weights))
    best = min(tries, key=lambda each: each[0])[1]
    return [*(float(value) / scale for value in best[:columns]), float(best[-1])]


def _newton(design: Array, target: Array) -> Array:
    """Return the logistic regression's weights by Newton's method with halved steps."""
    weights = np.zeros(design.shape[1])
    loss = _loss(design, target, weights)
    for _ in range(100):
        mean = expit(design @ weights)
        curvature = (design * (mean * (1 - mean))[:, None]).T @ design / len(target)
        # Columns that repeat each other share a weight; the ridge is far below any data's.
        ridge = 1e-12 * np.eye(len(weights))
        step = np.linalg.solve(curvature + ridge, design.T @ (target - mean) / len(target))
        size = 1.0
        while _loss(design, target, weights + size * step) > loss and size > 1e-9:
            size /= 2
        weights = weights + size * step
        before, loss = loss, _loss(design, target, weights)
        if before - loss < 1e-15:
            break
    return weights


def _loss(design: Array, target: Array, weights: Array) -> float:
    score = design @ weights
    return float(np.mean(np.logaddexp(0.0, score) - target * score))


_FITS: dict[str, Callable[[Array, Array], Calibrator]] = {
    "temperature": _temperature,
    "platt": _platt,
    "isotonic": _isotonic,
    "beta": _beta,
    "histogram": _histogram,
}
