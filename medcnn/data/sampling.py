"""Weights that make up for rare classes."""

from __future__ import annotations

from collections.abc import Sequence

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


def grouped_weights(
    label_N: npt.ArrayLike, groups: Sequence[Sequence[object]]
) -> npt.NDArray[np.float64]:
    """Return a sampling weight an image with which every group is drawn equally often in each label.

    Where images of one label come from one place mostly, the place tells the label; drawn like
    this, it tells less. Both labels are drawn equally often, too.

    Args:
        label_N: 0 normal, 1 abnormal.
        groups: Columns, N entries each; what agrees in all of them is one group.

    >>> grouped_weights([0, 0, 0, 1], [["a", "a", "b", "a"]]).tolist()
    [0.125, 0.125, 0.25, 0.5]
    """
    label = np.asarray(label_N, dtype=int)
    numbers: dict[tuple[object, ...], int] = {}
    names = zip(label.tolist(), *groups, strict=True)
    cell = np.array([numbers.setdefault(name, len(numbers)) for name in names])
    of_label = np.array([name[0] for name in numbers])
    cells_of_label = np.bincount(of_label, minlength=2)
    share = 1.0 / (np.count_nonzero(cells_of_label) * cells_of_label[of_label] * np.bincount(cell))
    return np.asarray(share[cell], dtype=np.float64)


def positive_weight(label_N: npt.ArrayLike) -> float:
    """Return the weight of the abnormal class that balances the loss: normal per abnormal image.

    >>> positive_weight([0, 0, 0, 1])
    3.0
    """
    label = np.asarray(label_N, dtype=int)
    positives = int(label.sum())
    return float((len(label) - positives) / max(positives, 1))
