"""One pass over the cached pixels: what stands twice, what is blank, what looks alike."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.audit.derived import MAX_PAIRS, derived_pairs
from medcnn.data.audit.hashing import Hashes, Rows, hash_windows, population_of, thumbnails
from medcnn.data.audit.near import MIN_SIDE, Near, near_duplicates
from medcnn.data.cache.images import ImageCache
from medcnn.files.arrays import ARCHIVE_ERRORS
from medcnn.run.directory import atomic_path

BLANK_SD = 2.0
"""Grey levels of 255: an image whose standard deviation is below shows nothing."""
FEWEST_MADE, SHARE_MADE = 3, 0.02
"""Small images, and their share, from which likeness to larger ones is no chance: a set was made of
the other, or shares images with it. Of two patients 1 in 400 looked as alike."""
_BLOCK = 256
_SAMPLE = 4096


@dataclass(frozen=True)
class Look:
    """What the pixels say; positions refer to the rows that were looked at.

    Attributes:
        first: For each row the first row with the same pixels, N.
        blank: Which rows show nothing, N.
        small: Which originals are too small to tell copies from look-alikes among themselves, N.
        pairs: Pairs of first rows whose images are copies of one another, P×2.
        near: How the search for copies went.
        unmatched: Pairs of a small and a larger image that were too many to be compared.
        doubtful: Small images that are like a larger one, too few to be more than look-alikes.
    """

    first: Rows
    blank: npt.NDArray[np.bool_]
    small: npt.NDArray[np.bool_]
    pairs: Rows
    near: Near
    unmatched: int = 0
    doubtful: int = 0

    def not_checked(self) -> list[str]:
        """Return what the search for copies had to leave out, and why."""
        found = []
        if self.near.left_out:
            found.append(f"{self.near.left_out} pairs of similar hashes")
        if self.small.any():
            matched = not self.small.all() and not self.unmatched
            found.append(
                f"near-duplicates of {int(self.small.sum())} images: their originals have fewer "
                f"than {MIN_SIDE} pixels a side, too few to tell copies from look-alikes"
                + (" but in larger images" if matched else "")
            )
        if self.doubtful:
            found.append(
                f"{self.doubtful} small images that are like a larger one: too few to tell copies "
                "from patients who look alike"
            )
        return found


def look(table: pd.DataFrame, cache: ImageCache, rows: Rows) -> Look:
    """Return what the pixels of some rows of the cache say; said once, it is kept beside the cache.

    Args:
        table: The manifest's rows, one for each of ``rows``.
        cache: The images.
        rows: Rows of the cache.
    """
    patients = pd.factorize(table["patient_id"])[0].astype(np.int64)
    known = hashlib.blake2b(_code_digest() + patients.tobytes(), digest_size=16)
    known.update(cache.digest_of(rows).encode())
    file = cache.folder / "looks" / f"{known.hexdigest()}.npz"
    kept = _load(file)
    if kept is None:
        kept = _look(table, cache, rows)
        # What cannot be kept, as in a cache that others own, is looked at again the next time.
        with contextlib.suppress(OSError):
            _save(file, kept)
    return kept


def _look(table: pd.DataFrame, cache: ImageCache, rows: Rows) -> Look:
    usual = population_of(_sample(cache, rows))
    digests: list[bytes] = []
    deviation: list[float] = []
    hashes: list[Hashes] = []
    for images in _blocks(cache, rows):
        digests += [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
        scale = 255.0 / np.iinfo(images.dtype).max
        deviation += [float(image.std()) * scale for image in images]
        hashes.append(hash_windows(thumbnails(images), usual))
    first = _first(digests)
    blank = np.asarray(deviation) < BLANK_SD
    sides = cache.facts_of(rows, ("rows", "columns")).apply(pd.to_numeric, errors="coerce")
    small = sides.min(axis=1).to_numpy() < MIN_SIDE
    # Identical images share their hashes and would fill a bucket; one of each is enough.
    distinct = np.flatnonzero((first == np.arange(len(rows))) & ~blank & ~small)
    near = near_duplicates(
        table.iloc[distinct],
        cache,
        rows[distinct],
        np.concatenate(hashes, axis=1)[:, distinct],
        usual,
    )
    tiny = np.flatnonzero((first == np.arange(len(rows))) & ~blank & small)
    pairs, unmatched, doubtful = distinct[near.pairs], len(tiny) * len(distinct), 0
    if unmatched <= MAX_PAIRS:
        made, _ = derived_pairs(table, cache, rows, tiny, distinct)
        if len(made) >= max(FEWEST_MADE, SHARE_MADE * len(tiny)):
            pairs = np.concatenate([pairs, made])
        else:
            doubtful = len(made)
        unmatched = 0
    return Look(first, blank, small, pairs, near, unmatched, doubtful)


def _sample(cache: ImageCache, rows: Rows) -> npt.NDArray[np.uint8]:
    chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLE)).astype(int)]
    return np.concatenate([thumbnails(images) for images in _blocks(cache, chosen)])


def _blocks(
    cache: ImageCache, rows: Rows
) -> Iterator[npt.NDArray[np.unsignedinteger[npt.NBitBase]]]:
    for start in range(0, len(rows), _BLOCK):
        yield cache.take(rows[start : start + _BLOCK])


def _first(digests: list[bytes]) -> Rows:
    seen: dict[bytes, int] = {}
    return np.array(
        [seen.setdefault(digest, row) for row, digest in enumerate(digests)], dtype=np.int64
    )


@functools.cache
def _code_digest() -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()


def _save(file: Path, seen: Look) -> None:
    near = seen.near
    highest = math.nan if near.highest is None else near.highest
    file.parent.mkdir(exist_ok=True)
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            first=seen.first,
            blank=seen.blank,
            small=seen.small,
            pairs=seen.pairs,
            near=near.pairs,
            counts=np.array([near.compared, near.judged, near.left_out], np.int64),
            highest=np.array(highest),
            small_counts=np.array([seen.unmatched, seen.doubtful], np.int64),
        )


def _load(file: Path) -> Look | None:
    try:
        with np.load(file) as kept:
            compared, judged, left_out = kept["counts"].tolist()
            highest = float(kept["highest"])
            near = Near(
                kept["near"], compared, judged, left_out, None if math.isnan(highest) else highest
            )
            return Look(
                kept["first"],
                kept["blank"],
                kept["small"],
                kept["pairs"],
                near,
                *kept["small_counts"].tolist(),
            )
    except ARCHIVE_ERRORS:
        # Absent or damaged: the images are looked at (again).
        return None
