"""Sensitivity and specificity of several sources together: how one goes with the other.

The bivariate normal random effects of Reitsma et al. (J. Clinical Epidemiology 58, 2005) on the logit
scale, by restricted maximum likelihood. A correlation near -1 says that sources differ by where the
threshold falls, near 0 or above that they differ by how well they can be told apart.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from medcnn.metrics.estimate import FloatArray

LEAST = 5
"""Sources without which two variances and a correlation are not looked for."""
_SMALLEST = 1e-3


def between_sources(effect: FloatArray, variance: FloatArray) -> FloatArray | None:
    """Return the 2×2 covariance between sources, or None.

    None where the search does not converge, or where one of the two does not differ between sources,
    so that nothing can go with it. A correlation of -1 is an answer: one threshold explains all.

    Args:
        effect: Logits of sensitivity and specificity, K×2.
        variance: Their variances within sources, K×2.
    """
    y, v = np.asarray(effect, np.float64), np.asarray(variance, np.float64)
    if len(y) < LEAST:
        return None
    start = np.sqrt(np.maximum(y.var(axis=0, ddof=1) - v.mean(axis=0), 0.01))

    def deviance(given: FloatArray) -> float:
        return _deviance(_covariance(given), y, v)

    found = minimize(
        deviance,
        np.array([*np.log(start), 0.0]),
        method="Nelder-Mead",
        options={"maxiter": 2000, "xatol": 1e-6, "fatol": 1e-8},
    )
    between = _covariance(found.x)
    sd = np.sqrt(np.diag(between))
    return between if found.success and sd.min() > _SMALLEST else None


def _covariance(given: FloatArray) -> FloatArray:
    sd, correlation = np.exp(given[:2]), 0.9999 * float(np.tanh(given[2]))
    return np.asarray(np.outer(sd, sd) * np.array([[1.0, correlation], [correlation, 1.0]]))


def _deviance(between: FloatArray, y: FloatArray, v: FloatArray) -> float:
    """Return twice the negative restricted log-likelihood, but for a constant."""
    total = between + v[:, :, None] * np.eye(2)
    precision = np.linalg.inv(total)
    information = precision.sum(axis=0)
    middle = np.linalg.solve(information, np.einsum("kij,kj->i", precision, y))
    rest = y - middle
    squares = np.einsum("ki,kij,kj->", rest, precision, rest)
    return float(squares + np.linalg.slogdet(total)[1].sum() + np.linalg.slogdet(information)[1])
