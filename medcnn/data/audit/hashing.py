"""Perceptual hashes, and the pairs of images that are close enough by them to be compared.

The hash is the DCT hash of Zauner ("Implementation and benchmarking of perceptual image hash
functions", 2010), with one change for images that all look alike: a coefficient is compared with its
median over the data set, not over the image, so that every bit divides the data set in halves. Each
image is hashed whole and through windows that leave out 5 % at some of its edges; a cropped copy is
then close to one of its original's windows.

Pairs are found by locality-sensitive banding (Indyk and Motwani 1998): two hashes become a candidate
where they agree in all bits of at least one band. Bands grow with the logarithm of the number of
images and buckets are bounded, so that the cost grows nearly in proportion to the number of images.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import dct

Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Thumbnails = npt.NDArray[np.uint8]
"""N×64×64 grey values."""

SIDE = 64
"""Pixels a side of the thumbnails that are hashed and compared."""
FREQUENCIES = 8
BITS = FREQUENCIES**2 - 1
CROP = 0.05
_EDGES = ((0.0, 1.0), (0.0, 1.0 - CROP), (CROP, 1.0), (CROP, 1.0 - CROP))
WINDOWS = tuple(itertools.product(_EDGES, _EDGES))
"""Rows and columns of each window, as fractions of the image; the first is the whole image."""
BANDS = 8
MAX_BUCKET = 64
MAX_DISTANCE = 10
"""Bits of 63: a copy differs from the nearest window in at most 9 in 99 of 100 cases."""
MIN_COSINE = 0.75
"""Between standardised coefficients: cheap to compute, and a copy hardly ever falls below."""
ROUGH_COSINE = 0.95
"""Between coefficients as they are: chest radiographs agree by 0.9, copies by 0.99."""
_POPCOUNT = np.array([number.bit_count() for number in range(2**16)], np.uint8)


@dataclass(frozen=True)
class Candidates:
    """Pairs of rows to compare, each once, the closest first.

    Attributes:
        left: Rows whose window was taken.
        right: Rows of the whole images that they were close to.
        window: The position of the window in ``WINDOWS``.
        distance: Bits in which the hashes differ, or what stands for them.
        left_out: Comparisons that fell to the bound on buckets.
    """

    left: Rows
    right: Rows
    window: Rows
    distance: npt.NDArray[np.uint8]
    left_out: int

    def __len__(self) -> int:
        return len(self.left)


def thumbnails(images: npt.NDArray[np.unsignedinteger[Any]]) -> Thumbnails:
    """Return N×S×S images of 8 or 16 bits at 64×64 pixels and 8 bits."""
    shrinking = images.shape[1] >= SIDE
    how = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    small = np.empty((len(images), SIDE, SIDE), np.uint8)
    for target, image in zip(small, images, strict=True):
        resized = cv2.resize(image, (SIDE, SIDE), interpolation=how)
        target[...] = resized if resized.dtype == np.uint8 else resized >> 8
    return small


def coefficients(small: Thumbnails, window: int = 0) -> Floats:
    """Return the 63 low DCT coefficients of each image within a window, at unit length, N×63."""
    vertical, horizontal = (_projection(*edges) for edges in WINDOWS[window])
    low = vertical @ small.astype(np.float32) @ horizontal.T
    flat = low.reshape(len(small), -1)[:, 1:]
    return np.asarray(
        flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), np.float32
    )


@dataclass(frozen=True)
class Population:
    """Median and standard deviation of each coefficient over the data set, 63 each."""

    median: Floats
    spread: Floats

    def standardise(self, coefficient: Floats) -> Floats:
        """Return coefficients relative to the data set, at unit length, N×63."""
        relative = (coefficient - self.median) / self.spread
        return np.asarray(
            relative / np.maximum(np.linalg.norm(relative, axis=1, keepdims=True), 1e-6), np.float32
        )


def population_of(small: Thumbnails) -> Population:
    """Return what is usual among some images of a data set."""
    found = coefficients(small)
    spread = np.maximum(found.std(axis=0), np.float32(1e-6))
    return Population(np.asarray(np.median(found, axis=0), np.float32), spread)


def hash_windows(small: Thumbnails, usual: Population) -> Hashes:
    """Return the hash of each image through each window, ``len(WINDOWS)``×N."""
    weights = np.uint64(1) << np.arange(BITS, dtype=np.uint64)
    return np.stack(
        [
            ((coefficients(small, window) > usual.median) * weights).sum(axis=1, dtype=np.uint64)
            for window in range(len(WINDOWS))
        ]
    )


def find_candidates(hashes: Hashes) -> Candidates:
    """Return the pairs whose hashes agree in a band and differ in at most 10 bits.

    Args:
        hashes: ``len(WINDOWS)``×N, the hash of each image through each window.
    """
    whole = hashes[0]
    n, left_out = len(whole), 0
    found = [np.empty((4, 0), np.int64)]
    for mask in _masks(n):
        keys = whole & mask
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        for window, view in enumerate(hashes):
            # Sorted queries walk through the keys in order, which is many times faster than jumping.
            asking = np.argsort(view & mask)
            wanted = (view & mask)[asking]
            first = np.searchsorted(keys, wanted, "left")
            count = np.searchsorted(keys, wanted, "right") - first
            left_out += int(np.maximum(count - MAX_BUCKET, 0).sum())
            met = np.flatnonzero(count)
            for place, hit in _hits(first[met], np.minimum(count[met], MAX_BUCKET)):
                query, target = asking[met[place]], order[hit]
                distance = hamming(view[query], whole[target])
                near = (distance <= MAX_DISTANCE) & (query != target)
                columns = (query, target, np.full(len(query), window), distance)
                found.append(np.stack([column[near] for column in columns]).astype(np.int64))
    return _unique(np.concatenate(found, axis=1), n, left_out)


def pair_all(small: Thumbnails) -> Candidates:
    """Return all pairs of a few images that agree coarsely, each through its best window.

    Among a few images there is no telling what is usual, so that hashes would mean little.
    """
    whole = coefficients(small)
    views = np.stack([coefficients(small, window) for window in range(len(WINDOWS))])
    agreement = views @ whole.T
    window, best = agreement.argmax(axis=0), agreement.max(axis=0)
    left, right = np.nonzero((best >= ROUGH_COSINE) & ~np.eye(len(small), dtype=bool))
    distance = np.rint(100 * (1 - best[left, right])).astype(np.int64)
    found = np.stack([left, right, window[left, right], distance])
    return _unique(found, len(small), 0)


def hamming(one: Hashes, other: Hashes) -> npt.NDArray[np.uint8]:
    """Return the number of differing bits of each pair of hashes."""
    words = (one ^ other).view(np.uint16).reshape(-1, 4)
    return np.asarray(_POPCOUNT[words].sum(axis=1, dtype=np.uint8))


def cosines(left: Thumbnails, right: Thumbnails, window: Rows, usual: Population) -> Floats:
    """Return how well each pair's coefficients agree, the left image seen through its window."""
    other = usual.standardise(coefficients(right))
    found = np.empty(len(left), np.float32)
    for number in np.unique(window):
        rows = np.flatnonzero(window == number)
        one = usual.standardise(coefficients(left[rows], int(number)))
        found[rows] = (one * other[rows]).sum(axis=1)
    return found


def _hits(first: Rows, count: Rows, block: int = 2**20) -> Iterator[tuple[Rows, Rows]]:
    """Yield query rows and positions of their bucket's members, about a million at a time."""
    ends = np.cumsum(count)
    start = 0
    while start < len(count):
        done = int(ends[start - 1]) if start else 0
        stop = max(int(np.searchsorted(ends, done + block, "right")), start + 1)
        counts = count[start:stop]
        query = np.repeat(np.arange(start, stop), counts)
        within = np.arange(len(query)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield query, np.repeat(first[start:stop], counts) + within
        start = stop


def _unique(found: npt.NDArray[np.int64], n: int, left_out: int) -> Candidates:
    left, right, window, distance = found
    pair = np.minimum(left, right) * n + np.maximum(left, right)
    order = np.lexsort((window, distance, pair))
    pair = pair[order]
    fresh = np.ones(len(pair), bool)
    fresh[1:] = pair[1:] != pair[:-1]
    kept = order[fresh]
    kept = kept[np.argsort(distance[kept], kind="stable")]
    return Candidates(
        left[kept], right[kept], window[kept], distance[kept].astype(np.uint8), left_out
    )


def _masks(n: int) -> list[np.uint64]:
    """Return the bits of each band: about one image in four to a bucket, whatever their number."""
    width = min(max(math.ceil(math.log2(max(n, 2))) + 2, 8), 26)
    rng = np.random.default_rng(0)
    return [
        np.bitwise_or.reduce(
            np.uint64(1) << rng.choice(BITS, size=width, replace=False).astype(np.uint64)
        )
        for _ in range(BANDS)
    ]


@cache
def _projection(low: float, high: float) -> Floats:
    """Return the first DCT rows over 32 cells of a window, 8×64: cells are averages of pixels."""
    cells = SIDE // 2
    edges = np.linspace(low * SIDE, high * SIDE, cells + 1)
    pixel = np.arange(SIDE)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    average = np.clip(overlap, 0, None) / np.diff(edges)[:, None]
    basis = dct(np.eye(cells), axis=0, norm="ortho")[:FREQUENCIES]
    return np.asarray(basis @ average, np.float32)
