"""Whether two images are copies of one another, told from their pixels.

Chest radiographs look alike, so that agreement as a whole says little: spine, ribs, diaphragm and
frame make two patients agree by 0.9. A copy agrees everywhere. The images are brought onto one
another, coarse structure is taken away, and the median of the correlations in 64 places counts.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from medcnn.data.audit.hashing import SIDE, WINDOWS, Thumbnails

Floats = npt.NDArray[np.float32]

CLOSE = 128
"""Pixels a side at which a pair is judged: details of 2 to 6 pixels differ between patients."""
DETAIL = (1.0, 3.0)
"""Standard deviations in pixels of the two Gaussians whose difference is compared."""
BLOCK = CLOSE // 8
FLAT = 0.5
"""Grey levels of detail below which a block shows only rounding."""
MIN_BLOCKS = 8
ROUGH_SCALE, MARGIN = 3.0, 4
HOPELESS = 0.65
"""Likeness before the last alignment below which no copy lies (0.76 at the lowest)."""
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 1e-3)
_FEWER = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 6, 1e-3)


def align(left: Thumbnails, right: Thumbnails, window: int) -> Floats:
    """Return the affine map from pixels of ``right`` to those of ``left``, 2×3.

    It starts from the window in which their hashes met and is refined by the enhanced correlation
    coefficient (Evangelidis and Psarakis, IEEE TPAMI 30(10), 2008). A map that no resizing and no
    small crop can make counts for nothing.
    """
    return registered(left, right, _window_map(window), _CRITERIA, 5, _is_crop)


def rough_likeness(left: Thumbnails, right: Thumbnails, warp: Floats) -> float:
    """Return the correlation of fine structure of two aligned thumbnails, in [-1, 1].

    Cheap, and enough to set most pairs aside; copies lie above 0.9, some different patients too.
    """
    moved, inside = _moved(left, warp)
    where = cv2.erode(inside, np.ones((2 * MARGIN - 1,) * 2, np.uint8)) > 0
    return _correlation(_fine(moved), _fine(right), where)


def likeness(left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8], warp: Floats) -> float:
    """Return the median correlation of fine structure over the blocks of two images, in [-1, 1].

    Args:
        left: 128×128 grey values.
        right: 128×128 grey values.
        warp: The map that ``align`` found between their thumbnails.
    """
    start = _enlarged(warp)
    rough = _blockwise(left, right, start)
    if rough < HOPELESS:
        return rough
    return max(rough, _blockwise(left, right, registered(left, right, start, _FEWER, 5, _is_crop)))


def _blockwise(left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8], warp: Floats) -> float:
    moved, inside = _moved(left, warp)
    shrunk = cv2.erode(inside, np.ones((2 * CLOSE // 16 - 1,) * 2, np.uint8)).astype(np.float32)
    one, other = _detail(moved) * shrunk, _detail(right) * shrunk
    count = np.maximum(_block_sums(shrunk), 1.0)
    mean, other_mean = _block_sums(one) / count, _block_sums(other) / count
    variance = _block_sums(one * one) / count - mean**2
    other_variance = _block_sums(other * other) / count - other_mean**2
    covariance = _block_sums(one * other) / count - mean * other_mean
    telling = (count >= BLOCK**2 / 2) & (np.minimum(variance, other_variance) > FLAT**2)
    if telling.sum() < MIN_BLOCKS:
        return 0.0
    return float(np.median(covariance[telling] / np.sqrt((variance * other_variance)[telling])))


def registered(
    left: npt.NDArray[np.uint8],
    right: npt.NDArray[np.uint8],
    start: Floats,
    criteria: tuple[int, int, float],
    smoothing: int,
    believed: Callable[[Floats, Floats], bool],
) -> Floats:
    """Return the affine map from pixels of ``right`` to those of ``left``, refined, or ``start``.

    Args:
        left: Grey values.
        right: Grey values of the same size.
        start: The map to begin with, 2×3.
        criteria: When to end.
        smoothing: Width of the Gaussian in pixels, odd.
        believed: Whether a map that was found, given the start, is one that copies have.
    """
    everywhere = np.full(right.shape, 255, np.uint8)
    try:
        _, found = cv2.findTransformECC(
            right, left, start.copy(), cv2.MOTION_AFFINE, criteria, everywhere, smoothing
        )
    except cv2.error:  # it did not converge: the pair is judged as it stands
        return start
    warp = np.asarray(found, np.float32)
    return warp if believed(warp, start) else start


def _window_map(window: int) -> Floats:
    (top, bottom), (start, end) = WINDOWS[window]
    wide, high = end - start, bottom - top
    # Pixel centres lie at halves: x of the window's pixel i is (i + 1/2) * wide + start * 64 - 1/2.
    return np.array(
        [
            [wide, 0, start * SIDE + (wide - 1) / 2],
            [0, high, top * SIDE + (high - 1) / 2],
        ],
        np.float32,
    )


def _enlarged(warp: Floats) -> Floats:
    """Return a map between thumbnails as one between images of 128 pixels."""
    factor = CLOSE / SIDE
    linear, shift = warp[:, :2], warp[:, 2]
    centre = np.full(2, 0.5 / factor - 0.5, np.float32)
    moved = factor * (linear @ centre + shift + 0.5) - 0.5
    return np.concatenate([linear, moved[:, None]], axis=1).astype(np.float32)


def _is_crop(warp: Floats, _start: Floats) -> bool:
    scale = np.array([warp[0, 0], warp[1, 1]])
    shear = np.array([warp[0, 1], warp[1, 0]])
    return bool((np.abs(scale - 1) < 0.2).all() and (np.abs(shear) < 0.1).all())


def _moved(
    image: npt.NDArray[np.uint8], warp: Floats
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the image as the map shows it, and 1 where it lies within its frame."""
    side = len(image)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(image, warp, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones_like(image), warp, (side, side), flags=how)
    framed = np.pad(inside[1:-1, 1:-1], 1)
    return np.asarray(moved, np.uint8), np.asarray(framed, np.uint8)


def _detail(image: npt.NDArray[np.uint8]) -> Floats:
    wide = image.astype(np.float32)
    narrow, broad = (cv2.GaussianBlur(wide, (0, 0), sigma) for sigma in DETAIL)
    return np.asarray(narrow - broad, np.float32)


def _block_sums(image: Floats) -> Floats:
    blocks = image.reshape(CLOSE // BLOCK, BLOCK, CLOSE // BLOCK, BLOCK)
    return np.asarray(blocks.sum(axis=(1, 3)), np.float32)


def _fine(image: npt.NDArray[np.uint8]) -> Floats:
    wide = image.astype(np.float32)
    return np.asarray(wide - cv2.GaussianBlur(wide, (0, 0), ROUGH_SCALE), np.float32)


def _correlation(one: Floats, other: Floats, where: npt.NDArray[np.bool_]) -> float:
    if where.sum() < where.size // 2:
        return 0.0
    a, b = one[where] - one[where].mean(), other[where] - other[where].mean()
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0 else 0.0
