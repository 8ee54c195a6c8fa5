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

from medcnn.data.audit.derived import MAX_PAIRS, derived_pairs
from medcnn.data.audit.hashing import Rows
from medcnn.data.audit.look import Look, look
from medcnn.data.audit.near import NEAR, judge
from medcnn.data.cache.cache import build_cache
from medcnn.data.cache.images import ImageCache
from medcnn.data.owners import is_uid
from medcnn.errors import DataError
from medcnn.io.array import split_fragment

Flags = npt.NDArray[np.bool_]
OWNER = "owner"
"""The column of the patients as ``owned_patients`` names them."""


@dataclass(frozen=True)
class _Looked:
    """What pixels said of N images: who is the same, who a copy in another form; see ``Seen``."""

    same: Flags
    near: Flags
    small: int = 0
    doubtful: int = 0
    uncropped: int = 0


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
        small: Images, here and of the training, that are too small to tell all copies.
        doubtful: Small images that are like a larger one, too few to be more than look-alikes.
        uncropped: Pairs that were too many to look for images that are the middle of another.
    """

    copies: Flags
    near: Flags
    studies: Flags
    patients: Flags
    namesakes: Flags
    looked: int | None
    known: int
    small: int = 0
    doubtful: int = 0
    uncropped: int = 0

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
    found = _by_pixels(table, cache, there, pixels=pixels)
    copies = found.same.copy()
    copies |= np.isin(table["path"].to_numpy(str), trained["path"].to_numpy(str))
    copies |= np.array([key in keys for key in cache.keys.tolist()], dtype=np.bool_)
    studies = table["study_id"].isin(trained["study_id"]) & table["study_id"].map(is_uid)
    patients = table[OWNER].isin(trained[OWNER])
    namesakes = table["patient_id"].isin(trained["patient_id"]) & ~patients
    return Seen(
        copies=copies,
        near=found.near & ~copies,
        studies=studies.to_numpy(np.bool_),
        patients=patients.to_numpy(np.bool_),
        namesakes=namesakes.to_numpy(np.bool_),
        looked=len(there) if pixels else None,
        known=len(trained),
        small=found.small,
        doubtful=found.doubtful,
        uncropped=found.uncropped,
    )


def _exists(path: str) -> bool:
    return Path(split_fragment(path)[0]).is_file()


def _by_pixels(
    table: pd.DataFrame, cache: ImageCache, there: pd.DataFrame, *, pixels: bool
) -> _Looked:
    """Return who is the same as, who a copy of, an image of the training, and what was left out."""
    same, near = (np.zeros(len(table), dtype=np.bool_) for _ in range(2))
    columns = ["image_id", "path", "patient_id"]
    both = pd.concat([table[columns], there[columns]], ignore_index=True)
    if there.empty or not pixels:
        return _Looked(same, near)
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
        return _Looked(same, near)
    rows = np.flatnonzero(joined.readable)
    seen = both.iloc[rows].reset_index(drop=True)
    found = look(seen, joined, rows)
    ours = rows < len(table)
    first = found.first
    theirs = np.unique(first[~ours])
    same[rows[ours & np.isin(first, theirs)]] = True
    middles, uncropped = _middles(seen, joined, rows, found, ours)
    for left, right in [*found.pairs.tolist(), *middles.tolist()]:
        one, other = (np.flatnonzero(first == place) for place in (left, right))
        for mine, their in ((one, other), (other, one)):
            if (~ours[their]).any():
                near[rows[mine[ours[mine]]]] = True
    return _Looked(same, near, int(found.small.sum()), found.doubtful, uncropped)


def _middles(
    table: pd.DataFrame, cache: ImageCache, rows: Rows, found: Look, ours: Flags
) -> tuple[Rows, int]:
    """Return pairs of ours and theirs of which one is the middle of the other, or how many it left.

    ``look`` has held images below 64 pixels against the others.
    """
    asked = (found.first == np.arange(len(rows))) & ~found.blank & ~found.small
    sides = [np.flatnonzero(asked & where) for where in (ours, ~ours)]
    many = len(sides[0]) * len(sides[1])
    if many > MAX_PAIRS:
        return np.empty((0, 2), np.int64), many
    if not many:
        return np.empty((0, 2), np.int64), 0
    size = pd.to_numeric(cache.facts_of(rows, ("rows",))["rows"], errors="coerce").to_numpy(float)
    # The smaller originals, as a whole, are those that may have been made of the others.
    made, originals = sorted(sides, key=lambda at: float(np.nanmedian(size[at])))
    pairs, warps = derived_pairs(table, cache, rows, made, originals)
    # What 28 pixels propose the sources decide, which show more.
    likeness = judge(table, cache, rows, pairs[:, ::-1], warps)
    return pairs[likeness >= NEAR], 0
