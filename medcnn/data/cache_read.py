"""One file -> the pixels and the few facts that the cache keeps.

Facts that name a patient are not among them: the cache outlives the run and lies outside of its folder.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medcnn.data.cache_key import Profile, split_fragment
from medcnn.errors import ImageError
from medcnn.io import Facts, read_image, read_image_resized

KEPT_FACTS = ("kind", "rows", "columns", "bits", "view", "modality", "window", "warnings")


def read_for_cache(
    path: str, profile: Profile
) -> tuple[npt.NDArray[np.unsignedinteger[Any]], dict[str, Any]]:
    """Return S×S pixels of the profile's dtype and the facts to keep.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    file, fragment = split_fragment(path)
    if fragment and profile.dtype == "uint8":
        pixels = _from_array(path, file, fragment)
        height, width = pixels.shape
        small = _resize(pixels, profile.size)
        return small, _kept(Facts("array", height, width, 8, "MONOCHROME2"))
    if profile.dtype == "uint8":
        small, facts = read_image_resized(path, profile.size, exact=profile.exact)
        return small, _kept(facts)
    image = read_image(path, min_size=profile.size, exact=profile.exact)
    wide = cv2.resize(image.pixels, (profile.size, profile.size), interpolation=cv2.INTER_AREA)
    return np.round(wide * 65535.0).astype(np.uint16), _kept(image.facts)


def _from_array(path: str, file: str, fragment: str) -> npt.NDArray[np.uint8]:
    name, _, index = fragment.rpartition("/")
    try:
        image = _load_array(file, name)[int(index)]
    except (OSError, KeyError, IndexError, ValueError) as error:
        raise ImageError(path, "cannot be read", kind="corrupt", found=str(error)) from error
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


@lru_cache(maxsize=1)
def _load_array(file: str, name: str) -> npt.NDArray[np.uint8]:
    with np.load(file) as archive:
        array: npt.NDArray[np.uint8] = archive[name]
    return array


def _resize(pixels: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    if pixels.shape == (size, size):
        return pixels
    small = cv2.resize(pixels.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return np.round(small).astype(np.uint8)


def _kept(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in KEPT_FACTS}
