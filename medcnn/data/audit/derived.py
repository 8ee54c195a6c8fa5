"""Images that were made of others by taking their middle, or all of it, and shrinking it.

Released sets such as MedMNIST's are made of larger ones by taking the middle square, which is much
less than the whole, and shrinking it, down to 28 pixels; the larger set may itself have been squeezed
into a square before. So each image is held against every possible original, whole and through windows
that leave out part of the width or of the height on either side. The closest are brought into
register and compared by the structure that 28 pixels hold. That is little, and how much two patients
share of it differs between populations: a copy has to be alike, and far more so than any other patient.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.audit.hashing import SIDE, Rows, Thumbnails, thumbnails
from medcnn.data.audit.pairs import registered
from medcnn.data.cache.cache import build_cache
from medcnn.data.cache.images import ImageCache

Floats = npt.NDArray[np.float32]

GRID = 28
"""Pixels a side at which images are compared."""
DETAIL = 2.0
"""Standard deviation in pixels of the Gaussian that is taken away: shape and exposure, not a chest."""
_FRAME = 2
LEFT = tuple(round(1 - 0.045 * step, 3) for step in range(13))
"""What a window leaves of the width, or of the height: 1 to 0.46."""
WINDOWS = tuple((wide, 1.0) for wide in LEFT) + tuple((1.0, high) for high in LEFT[1:])
CLOSEST = 5
"""Possible originals that an image is compared with after the first sieve, at most."""
HOPELESS = 0.7
"""Likeness of unregistered images below which hardly a copy lies (1 in 200 of PneumoniaMNIST's)."""
COPY, AHEAD = 0.88, 2.5
"""A copy is as alike as ``COPY``, and any other patient lacks ``AHEAD`` times as much to 1 as it does.

Of PneumoniaMNIST's 5,232 images 92 % were then found among the 5,216 of chest_xray that it was made
of, and none of 5,182 where the patient had been taken out of these, on which the two numbers were set.
"""
MAX_PAIRS = 50_000_000
"""Pairs that are looked at, half of them in about a minute; more are left out, which is told."""
_BLOCK = 512
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 25, 1e-4)


@dataclass(frozen=True)
class _Closest:
    """The closest possible originals of each image, N×K: positions, windows and likeness."""

    original: Rows
    window: Rows
    score: Floats


def derived_pairs(
    table: pd.DataFrame, cache: ImageCache, rows: Rows, made: Rows, originals: Rows
) -> tuple[Rows, list[Floats]]:
    """Return which images were made of which others, and the maps of one onto the other.

    The former are positions among ``rows``, P×2; the latter as ``pairs.align`` makes them.

    Args:
        table: The manifest's rows, one for each of ``rows``.
        cache: The images.
        rows: Rows of the cache.
        made: Positions of those that may have been made of others.
        originals: Positions of those that they may have been made of.
    """
    if not len(made) or not len(originals):  # no image is looked at in vain
        return np.empty((0, 2), np.int64), []
    patient = pd.factorize(table["patient_id"])[0].astype(np.int64)
    ours, theirs = (_at_64(table.iloc[at], cache, rows[at]) for at in (made, originals))
    found, warps = derived_copies(ours, theirs, patient[originals])
    return np.stack([made[found[:, 0]], originals[found[:, 1]]], axis=1), warps


def _at_64(table: pd.DataFrame, cache: ImageCache, rows: Rows) -> Thumbnails:
    if cache.profile.size < SIDE:
        root, exact = cache.folder.parent, cache.profile.exact
        cache = build_cache(table, size=SIDE, root=root, exact=exact, progress=False)
        rows = np.arange(len(rows))
    starts = range(0, len(rows), _BLOCK)
    parts = [thumbnails(cache.take(rows[start : start + _BLOCK])) for start in starts]
    return np.concatenate(parts)


def derived_copies(
    small: Thumbnails, large: Thumbnails, patient: Rows
) -> tuple[Rows, list[Floats]]:
    """Return which images were made of which originals, positions P×2, and P maps.

    Args:
        small: N thumbnails.
        large: M thumbnails of possible originals.
        patient: A number for the patient of each of these.
    """
    if not len(small) or not len(large):
        return np.empty((0, 2), np.int64), []
    tiny = np.stack([_shrunk(image) for image in small])
    near = _closest(_detail(tiny), large)
    asked = np.argwhere(near.score >= HOPELESS)

    warps: dict[tuple[int, int], Floats] = {}

    def judged(place: int) -> float:
        row, rank = asked[place]
        number = int(near.original[row, rank])
        window = WINDOWS[near.window[row, rank]]
        score, warps[row, rank] = _likeness(small[row], tiny[row], large[number], window)
        return score

    score = near.score.copy()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        score[asked[:, 0], asked[:, 1]] = list(pool.map(judged, range(len(asked))))
    rank = _decided(score, patient[near.original])
    copies = np.flatnonzero(rank >= 0)
    pairs = np.stack([copies, near.original[copies, rank[copies]]], axis=1)
    return pairs, [warps[row, rank[row]] for row in copies.tolist()]


def _decided(score: Floats, patient: Rows) -> Rows:
    """Return which of its closest each image was made of, N; -1 where of none."""
    rows = np.arange(len(score))
    best = score.argmax(axis=1)
    top, who = score[rows, best], patient[rows, best]
    others = np.where(patient == who[:, None], -1.0, score).max(axis=1)
    copy = (top >= COPY) & (1 - others >= AHEAD * (1 - top))
    return np.where(copy, best, -1)


def _closest(wanted: Floats, large: Thumbnails) -> _Closest:
    n, kept = len(wanted), min(CLOSEST, len(large))
    found = _Closest(
        np.zeros((n, kept), np.int64),
        np.zeros((n, kept), np.int64),
        np.full((n, kept), -1.0, np.float32),
    )
    for start in range(0, len(large), _BLOCK):
        block = large[start : start + _BLOCK]
        score = np.full((n, len(block)), -1.0, np.float32)
        window = np.zeros((n, len(block)), np.int64)
        for number, each in enumerate(WINDOWS):
            seen = wanted @ _detail(np.stack([_through(image, each) for image in block])).T
            better = seen > score
            score[better], window[better] = seen[better], number
        at = np.broadcast_to(np.arange(start, start + len(block)), score.shape)
        found = _kept(found, _Closest(at, window, score), kept)
    return found


def _kept(one: _Closest, other: _Closest, kept: int) -> _Closest:
    """Return the closest of both."""
    score = np.concatenate([one.score, other.score], axis=1)
    first = np.argpartition(-score, kept - 1, axis=1)[:, :kept]

    def taken(left: Rows, right: Rows) -> Rows:
        return np.take_along_axis(np.concatenate([left, right], axis=1), first, axis=1)

    return _Closest(
        taken(one.original, other.original),
        taken(one.window, other.window),
        np.take_along_axis(score, first, axis=1),
    )


def _map(window: tuple[float, float], side: int) -> Floats:
    """Return the map from pixels of a square of ``side`` to those of a thumbnail's middle."""
    rows = []
    for axis, left in enumerate(window):
        step = left * SIDE / side
        row = [0.0, 0.0, (1 - left) / 2 * SIDE + (step - 1) / 2]
        row[axis] = step
        rows.append(row)
    return np.array(rows, np.float32)


def _warped(image: npt.NDArray[np.uint8], warp: Floats, side: int) -> npt.NDArray[np.uint8]:
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(image, warp, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _through(image: npt.NDArray[np.uint8], window: tuple[float, float]) -> npt.NDArray[np.uint8]:
    return _shrunk(_warped(image, _map(window, 4 * GRID), 4 * GRID))


def _shrunk(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(image, (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8)


def _detail(tiny: npt.NDArray[np.uint8]) -> Floats:
    """Return the structure of N images of 28 pixels, without their frame, at unit length: N×576."""
    wide = tiny.astype(np.float32)
    fine = np.stack([image - cv2.GaussianBlur(image, (0, 0), DETAIL) for image in wide])
    flat = fine[:, _FRAME:-_FRAME, _FRAME:-_FRAME].reshape(len(tiny), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), np.float32)


def _likeness(
    small: npt.NDArray[np.uint8],
    tiny: npt.NDArray[np.uint8],
    large: npt.NDArray[np.uint8],
    window: tuple[float, float],
) -> tuple[float, Floats]:
    """Return the correlation of the structure of two images in register, and the register."""
    start = _map(window, SIDE)
    maps = [start, registered(large, small, start, _CRITERIA, 3, _is_close)]
    seen = _detail(np.stack([_shrunk(_warped(large, warp, SIDE)) for warp in maps]))
    alike = seen @ _detail(tiny[None])[0]
    return float(alike.max()), maps[int(alike.argmax())]


def _is_close(found: Floats, start: Floats) -> bool:
    return bool((np.abs(found[:, :2] - start[:, :2]) < 0.1).all())
