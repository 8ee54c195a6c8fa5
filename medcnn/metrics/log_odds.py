"""Log-odds of probabilities that may be 0 or 1."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from medcnn.metrics.estimate import FloatArray


def log_odds(p: FloatArray, margin: float = 1e-12) -> FloatArray:
    """Return log(p / (1 - p)); ``p`` is held ``margin`` away from 0 and 1, so that all is finite.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    return np.asarray(logit(np.clip(p, margin, 1 - margin)))
