"""One file -> the pixels and the few facts that the cache keeps.

Facts that name a patient are not among them: the cache outlives the run and lies outside of its
folder.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medcnn.data.cache.key import Profile
from medcnn.io import Facts, read_image, read_image_resized

KEPT_FACTS = (
    *("kind", "rows", "columns", "bits", "photometric", "spacing_mm"),
    *("view", "modality", "body_part", "manufacturer", "window", "notes"),
)


def read_for_cache(
    path: str, profile: Profile
) -> tuple[npt.NDArray[np.unsignedinteger[Any]], dict[str, Any]]:
    """Return S×S pixels of the profile's dtype and the facts to keep.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    if profile.dtype == "uint8":
        small, facts = read_image_resized(path, profile.size, exact=profile.exact)
        return small, _kept(facts)
    image = read_image(path, min_size=profile.size, exact=profile.exact)
    wide = cv2.resize(image.pixels, (profile.size, profile.size), interpolation=cv2.INTER_AREA)
    return np.rint(wide * 65535.0).astype(np.uint16), _kept(image.facts)


def _kept(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in KEPT_FACTS}
