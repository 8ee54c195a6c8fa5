"""Weights that make up for rare classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def balanced_weights(label_N: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return a sampling weight an image with which both classes are drawn equally often.

    >>> balanced_weights([0, 0, 0, 1]).tolist()
    [0.16666666666666666, 0.16666666666666666, 0.16666666666666666, 0.5]
    """
    label = np.asarray(label_N, dtype=int)
    counts = np.bincount(label, minlength=2)
    return np.asarray(1.0 / (np.count_nonzero(counts) * counts[label]), dtype=np.float64)


def positive_weight(label_N: npt.ArrayLike) -> float:
    """Return the weight of the abnormal class that balances the loss: normal per abnormal image.

    >>> positive_weight([0, 0, 0, 1])
    3.0
    """
    label = np.asarray(label_N, dtype=int)
    positives = int(label.sum())
    return float((len(label) - positives) / max(positives, 1))
