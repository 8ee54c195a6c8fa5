"""What is learnt on validation after training: a temperature, kept as a buffer of the checkpoint.

Guo et al., On calibration of modern neural networks, ICML 2017: p = sigmoid(logit / T), with T
minimising the negative log-likelihood on validation. The threshold is chosen on the calibrated
validation probabilities by ``medcnn.metrics.thresholds`` and frozen beside it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit

LIMITS = (0.05, 20.0)


def fit_temperature(logit_N: npt.ArrayLike, label_N: npt.ArrayLike) -> float:
    """Return the temperature that minimises the negative log-likelihood.

    The search is bounded to [0.05, 20]: a perfectly separable validation set has no finite optimum,
    and a set of one class has none at all (1 is returned: nothing is learnt from it).

    Args:
        logit_N: Uncalibrated logits.
        label_N: 0 normal, 1 abnormal.
    """
    logit = np.asarray(logit_N, dtype=np.float64)
    label = np.asarray(label_N, dtype=np.float64)
    if len(np.unique(label)) < 2:
        return 1.0

    def loss(log_temperature: float) -> float:
        scaled = logit / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0.0, scaled) - label * scaled))

    bounds = (np.log(LIMITS[0]), np.log(LIMITS[1]))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def probability(logit_N: npt.ArrayLike, temperature: float) -> npt.NDArray[np.float64]:
    """Return the calibrated probability of abnormal for each logit."""
    return np.asarray(expit(np.asarray(logit_N, dtype=np.float64) / temperature))
