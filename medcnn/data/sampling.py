"""Groups of images, and weights that make up for rare classes and groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.errors import DataError

Ints = npt.NDArray[np.int64]


def groups_of(table: pd.DataFrame, columns: Sequence[str], key: str) -> Ints:
    """Return the group of each row, from 0 in the order of names.

    Args:
        table: Rows of a manifest.
        columns: What agrees in all of them is one group; what has no value is one, too.
        key: The setting that asks for them.

    Raises:
        DataError: If the images have no such column.

    >>> table = pd.DataFrame({"site": ["b", "a", None, "b"]})
    >>> groups_of(table, ["site", "site"], "robust.by").tolist()
    [1, 0, 2, 1]
    """
    absent = [name for name in columns if name not in table]
    if absent:
        raise DataError(
            f"{key} asks for the column {absent[0]!r}, which the images do not have.",
            expected=f"one of {', '.join(map(str, table.columns))}",
            remedy=f"correct {key}, or give a manifest with that column; data.acquisitions=4 finds "
            "the column acquisition",
        )
    once = list(dict.fromkeys(columns))
    return np.asarray(table[once].astype(str).groupby(once, dropna=False).ngroup(), np.int64)


def grouped_weights(label_N: npt.ArrayLike, group_N: npt.ArrayLike = 0) -> npt.NDArray[np.float64]:
    """Return a sampling weight an image with which every group is drawn equally often in each label.

    Where images of one label come from one place mostly, the place tells the label; drawn like
    this, it tells less. Both labels are drawn equally often, too.

    Args:
        label_N: 0 normal, 1 abnormal.
        group_N: The group of each image, from 0; by default all are one.

    >>> grouped_weights([0, 0, 0, 1], [0, 0, 1, 0]).tolist()
    [0.125, 0.125, 0.25, 0.5]
    >>> grouped_weights([0, 0, 0, 1]).tolist()
    [0.16666666666666666, 0.16666666666666666, 0.16666666666666666, 0.5]
    """
    label = np.asarray(label_N, dtype=int)
    cell = 2 * np.asarray(group_N, dtype=int) + label
    of_cell = np.bincount(cell)
    cells_of_label = np.bincount(np.flatnonzero(of_cell) % 2, minlength=2)
    share = np.count_nonzero(cells_of_label) * cells_of_label[label] * of_cell[cell]
    return np.asarray(1.0 / share, dtype=np.float64)


def positive_weight(label_N: npt.ArrayLike) -> float:
    """Return the weight of the abnormal class that balances the loss: normal per abnormal image.

    >>> positive_weight([0, 0, 0, 1])
    3.0
    """
    label = np.asarray(label_N, dtype=int)
    positives = int(label.sum())
    return float((len(label) - positives) / max(positives, 1))
