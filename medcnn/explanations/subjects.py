"""The images that are explained and what is known of them beside their pixels.

Dimensions: N images, one channel, S×S pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from medcnn.data.manifest import Manifest
from medcnn.data.preparation import cache_images
from medcnn.data.settings import Data
from medcnn.errors import DataError
from medcnn.explanations.localization import Mask, read_mask
from medcnn.explanations.marker import DETAIL, Pixels, find_marker, touched
from medcnn.io import read_image
from medcnn.metrics.estimate import IntArray
from medcnn.predictions import clusters_of


@dataclass(frozen=True)
class Subjects:
    """Some images of a run.

    Attributes:
        table: Their rows of the manifest.
        image_N1SS: In [0, 1].
    """

    table: pd.DataFrame
    image_N1SS: Tensor  # noqa: N815  shape letters

    def __len__(self) -> int:
        return len(self.table)

    @property
    def size(self) -> int:
        """S."""
        return int(self.image_N1SS.shape[-1])

    @property
    def cluster(self) -> IntArray | None:
        """The patient of each image; None where every image has its own."""
        return clusters_of(self.table["patient_id"])

    def of(self, rows: npt.ArrayLike) -> Subjects:
        """Return some of these images, by their numbers from 0."""
        chosen = np.asarray(rows, np.int64)
        table = self.table.iloc[chosen].reset_index(drop=True)
        return Subjects(table, self.image_N1SS[torch.from_numpy(chosen)])


def draw(rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Return at most ``count`` of the rows at random, in the order of the manifest."""
    if len(rows) <= count:
        return rows.reset_index(drop=True)
    chosen = np.sort(np.random.default_rng(seed).choice(len(rows), count, replace=False))
    return rows.iloc[chosen].reset_index(drop=True)


def load(manifest: Manifest, rows: pd.DataFrame, data: Data) -> Subjects:
    """Return rows of a manifest with their pixels, as the network was trained on them.

    Args:
        manifest: That the rows are from.
        rows: Of ``manifest.table``.
        data: The ``data`` group of the run's configuration.
    """
    cache = cache_images(manifest.with_table(rows), data)
    stored = cache.take(np.arange(len(rows)))
    pixels = stored.astype(np.float32) / np.iinfo(stored.dtype).max
    return Subjects(rows.reset_index(drop=True), torch.from_numpy(pixels)[:, None])


def with_mask(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose findings are outlined by a mask; none where there is no such column."""
    if "mask_path" not in rows:
        return rows.iloc[:0]
    paths = rows["mask_path"].fillna("").astype(str)
    return rows[paths.ne("")]


def masks_of(subjects: Subjects) -> Mask:
    """Return the masks of the findings, N×S×S.

    Raises:
        DataError: If a mask cannot be read.
    """
    masks = []
    for image_id, path in zip(subjects.table["image_id"], subjects.table["mask_path"], strict=True):
        try:
            masks.append(read_mask(str(path), subjects.size))
        except OSError as error:
            raise DataError(
                f"The mask of {image_id} cannot be read.",
                expected="an image with values above 0 where the finding is",
                found=str(error),
                remedy="empty its mask_path in the manifest",
            ) from error
    return np.stack(masks)


def pixels_of(row: Any) -> Pixels:
    """Return the pixels of an image's file, H×W in [0, 1], with the detail that a marker needs."""
    return read_image(str(row["path"]), min_size=2 * DETAIL, exact=False).pixels


def markers_of(subjects: Subjects) -> Mask:
    """Return where each image has a burned-in marker, N×S×S; all False where it has none."""
    found = np.zeros((len(subjects), subjects.size, subjects.size), bool)
    for row in range(len(subjects)):
        where = find_marker(pixels_of(subjects.table.iloc[row]))
        if where.any():
            found[row] = touched(where, subjects.size)
    return found
