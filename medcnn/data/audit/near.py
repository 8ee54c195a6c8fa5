"""Near-duplicates: hashes propose, thumbnails sort out, and the pixels of the sources decide."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.audit.hashing import (
    MIN_COSINE,
    Candidates,
    Hashes,
    Population,
    Rows,
    cosines,
    find_candidates,
    pair_all,
    thumbnails,
)
from medcnn.data.audit.pairs import CLOSE, Floats, align, likeness, rough_likeness
from medcnn.data.cache.cache import build_cache
from medcnn.data.cache.images import ImageCache

T = TypeVar("T")

NEAR = 0.95
"""Likeness from which two images count as copies, see ``near_duplicates``."""
FALSE_POSITIVES = (
    "0 of the 13.6 million pairs of different patients of chest_xray/train: fewer than 1 in 4.5 "
    "million, with 95 % confidence were pairs independent"
)
"""How often ``NEAR`` calls different patients copies, for those who are to believe it."""
ROUGH = 0.8
"""Likeness of thumbnails from which a pair is worth a look at its sources."""
MIN_SIDE = 64
"""Pixels of the shorter side of an original below which copies and look-alikes cannot be told."""
COMPARISONS, BASE_COMPARISONS = 8, 10_000
"""Comparisons an image, on average, and how many more: if they do not suffice, the closest hashes
come first."""
FEW = 40
_BLOCK = 1024


@dataclass(frozen=True)
class Near:
    """Copies, and how the search for them went.

    Attributes:
        pairs: Positions of copies among the rows that were given, P×2.
        compared: Pairs whose thumbnails were compared.
        judged: Pairs whose sources were compared.
        left_out: Pairs that bounds on time left uncompared.
        highest: The highest likeness among the pairs that were judged and found different, of
            different patients; None where there was no such pair.
    """

    pairs: Rows
    compared: int
    judged: int
    left_out: int
    highest: float | None


def near_duplicates(
    table: pd.DataFrame, cache: ImageCache, rows: Rows, hashes: Hashes, usual: Population
) -> Near:
    """Return the pairs of copies among some images.

    A pair counts where the fine structure of the two sources, at 128 pixels, correlates by 0.95 in
    the median of 64 blocks. Among the 13.6 million pairs of the chest_xray training images (Kermany
    et al. 2018) no two different patients come near it (highest: 0.81), nor among the 2 million pairs
    of 2,000 phantoms; what tests make of these radiographs by JPEG at quality 50, resizing to a
    half or a third, crops of 5 % at every edge, and changes of brightness, contrast and gamma lies
    above 0.97 (chest_xray).

    Args:
        table: The manifest's rows, one for each of ``rows``.
        cache: The images at the size of the training.
        rows: Rows of the cache, without blank and identical images and those below 64 pixels.
        hashes: Hash of each image through each window, ``len(WINDOWS)``×N.
        usual: What is usual in the data set.
    """
    if not len(rows):
        return Near(np.empty((0, 2), np.int64), 0, 0, 0, None)
    few = len(rows) <= FEW
    found = pair_all(thumbnails(cache.take(rows))) if few else find_candidates(hashes)
    bound = COMPARISONS * len(rows) + BASE_COMPARISONS
    pairs: list[tuple[int, int]] = []
    warps: list[Floats] = []
    for start in range(0, min(len(found), bound), _BLOCK):
        block = slice(start, min(start + _BLOCK, bound))
        for left, right, warp in _promising(cache, rows, found, block, None if few else usual):
            pairs.append((left, right))
            warps.append(warp)
    pair = np.array(pairs, np.int64).reshape(-1, 2)
    score = judge(table, cache, rows, pair, warps)
    patient = pd.factorize(table["patient_id"])[0]
    others = score[(score < NEAR) & (patient[pair[:, 0]] != patient[pair[:, 1]])]
    return Near(
        pairs=pair[score >= NEAR],
        compared=min(len(found), bound),
        judged=len(pair),
        left_out=found.left_out + max(len(found) - bound, 0),
        highest=float(others.max()) if len(others) else None,
    )


def _promising(
    cache: ImageCache, rows: Rows, found: Candidates, block: slice, usual: Population | None
) -> list[tuple[int, int, Floats]]:
    left, right, window = found.left[block], found.right[block], found.window[block]
    one, other = (thumbnails(cache.take(rows[side])) for side in (left, right))
    alike = np.arange(len(left))
    if usual is not None:
        alike = np.flatnonzero(cosines(one, other, window, usual) >= MIN_COSINE)

    def aligned(place: int) -> tuple[float, Floats]:
        warp = align(one[place], other[place], int(window[place]))
        return rough_likeness(one[place], other[place], warp), warp

    return [
        (int(left[place]), int(right[place]), warp)
        for place, (rough, warp) in zip(alike.tolist(), _in_threads(aligned, alike), strict=True)
        if rough >= ROUGH
    ]


def _in_threads(task: Callable[[int], T], places: Rows) -> list[T]:
    # OpenCV lets go of the interpreter while it works, so that threads share the cores.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(task, places.tolist()))


def judge(
    table: pd.DataFrame, cache: ImageCache, rows: Rows, pair: Rows, warps: list[Floats]
) -> npt.NDArray[np.float64]:
    """Return the likeness of the sources of each pair of positions, P; a map goes to the first."""
    if not len(pair):
        return np.zeros(0)
    wanted = np.unique(pair)
    place = np.searchsorted(wanted, pair)
    close, where = cache, rows[wanted]
    if cache.profile.size < CLOSE:
        close = build_cache(
            table.iloc[wanted],
            size=CLOSE,
            root=cache.folder.parent,
            exact=cache.profile.exact,
            progress=False,
        )
        where = np.arange(len(wanted))

    def judged(number: int) -> float:
        one, other = (_close(image) for image in close.take(where[place[number]]))
        return likeness(one, other, warps[number])

    return np.array(_in_threads(judged, np.arange(len(pair))))


def _close(image: npt.NDArray[np.unsignedinteger[Any]]) -> npt.NDArray[np.uint8]:
    scale = 255.0 / np.iinfo(image.dtype).max
    small = cv2.resize(image, (CLOSE, CLOSE), interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(small * scale), np.uint8)
