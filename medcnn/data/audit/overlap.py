"""Which of some images, or of their patients, a run has seen in its training.

Images decide by their bytes and their pixels, the latter in spite of another format, size or crop. A
study decides where its identifier is DICOM's, which is unique in the world. A patient decides only
within the source that gave the identifier (``medcnn.data.owners``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.audit.look import look
from medcnn.data.cache.cache import build_cache
from medcnn.data.cache.images import ImageCache
from medcnn.data.owners import is_uid
from medcnn.errors import DataError
from medcnn.io.array import split_fragment

Flags = npt.NDArray[np.bool_]
OWNER = "owner"
"""The column of the patients as ``owned_patients`` names them."""


@dataclass(frozen=True)
class Seen:
    """What of N images a run has seen, N flags each.

    Attributes:
        copies: Whose file or pixels are those of an image of the training.
        near: Who are copies of one, of another size, format or crop.
        studies: Whose study is one of the training's.
        patients: Whose patient is one of the training's.
        namesakes: Whose patient has the name of one, in another source.
        looked: Images of the training that were there to be looked at; None where nobody looked.
        known: Images of the training.
        small: Images here that are too small to tell all copies.
    """

    copies: Flags
    near: Flags
    studies: Flags
    patients: Flags
    namesakes: Flags
    looked: int | None
    known: int
    small: int = 0

    @property
    def any(self) -> Flags:
        """Which images, or their patients, were trained on."""
        return self.copies | self.near | self.studies | self.patients


def seen_in_training(
    table: pd.DataFrame,
    cache: ImageCache,
    trained: pd.DataFrame,
    keys: Collection[bytes] = (),
    *,
    pixels: bool = True,
) -> Seen:
    """Return which rows of a table a run was trained on.

    Args:
        table: The images, with ``owner``; row by row those of the cache.
        cache: Their pixels.
        trained: The rows that the run was trained and validated on, with ``owner``.
        keys: Of the files that it was trained and validated on, where it recorded them.
        pixels: Whether to look for copies of another size, format or crop.
    """
    on_disk = np.array([_exists(path) for path in trained["path"]], dtype=np.bool_)
    there = trained[on_disk]
    copies, near, small = _by_pixels(table, cache, there, pixels=pixels)
    copies |= np.isin(table["path"].to_numpy(str), trained["path"].to_numpy(str))
    copies |= np.array([key in keys for key in cache.keys.tolist()], dtype=np.bool_)
    studies = table["study_id"].isin(trained["study_id"]) & table["study_id"].map(is_uid)
    patients = table[OWNER].isin(trained[OWNER])
    namesakes = table["patient_id"].isin(trained["patient_id"]) & ~patients
    return Seen(
        copies=copies,
        near=near & ~copies,
        studies=studies.to_numpy(np.bool_),
        patients=patients.to_numpy(np.bool_),
        namesakes=namesakes.to_numpy(np.bool_),
        looked=len(there) if pixels else None,
        known=len(trained),
        small=small,
    )


def _exists(path: str) -> bool:
    return Path(split_fragment(path)[0]).is_file()


def _by_pixels(
    table: pd.DataFrame, cache: ImageCache, there: pd.DataFrame, *, pixels: bool
) -> tuple[Flags, Flags, int]:
    """Return who is the same as, who a copy of, an image of the training, and how many are small."""
    same, near = (np.zeros(len(table), dtype=np.bool_) for _ in range(2))
    columns = ["image_id", "path", "patient_id"]
    both = pd.concat([table[columns], there[columns]], ignore_index=True)
    if there.empty or not pixels:
        return same, near, 0
    both["image_id"] = [f"{at}" for at in range(len(both))]
    try:
        joined = build_cache(
            both,
            size=cache.profile.size,
            root=cache.folder.parent,
            exact=cache.profile.exact,
            dtype=cache.profile.dtype,
        )
    except DataError:
        return same, near, 0
    rows = np.flatnonzero(joined.readable)
    found = look(both.iloc[rows].reset_index(drop=True), joined, rows)
    ours = rows < len(table)
    first = found.first
    theirs = np.unique(first[~ours])
    same[rows[ours & np.isin(first, theirs)]] = True
    for left, right in found.pairs.tolist():
        one, other = (np.flatnonzero(first == place) for place in (left, right))
        for mine, their in ((one, other), (other, one)):
            if (~ours[their]).any():
                near[rows[mine[ours[mine]]]] = True
    return same, near, int(found.small[ours].sum())
