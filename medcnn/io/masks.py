"""Masks beside images: outlines of lungs or findings, which are no radiographs.

Releases keep them in a folder of their own (``masks/``, ``lung masks/``, ``annotations/``) or beside
the image (``x_mask.png``). A name or a place raises the question, and so does a name that is an
image's but for an ending; the pixels answer it, so that no radiograph is left out for its name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from medcnn.io.appearance import is_even
from medcnn.io.facts import MAX_PIXELS
from medcnn.io.names import RASTER_SUFFIXES

MOST_VALUES = 8
"""Colours of a mask with a label for each structure; a radiograph has dozens."""
_SIDE = 256
_LEAST_TWINS = 3

_WORD = re.compile(
    r"(?:.*masks?|segment\w*|segs?|segm|annot\w*|labels?|labelmaps?|contours?|outlines?|rois?|gt"
    r"|ground ?truths?|truths?|silhouettes?|trimaps?|polygons?|bboxe?s?|binary|infections?|lesions?)"
)
_TAIL = re.compile(r"(.+?)[\s_.\-]+([^\s_.\-]+)")


def says_mask(name: str) -> bool:
    """Return whether the name of a file (without its suffix) or of a folder speaks of a mask.

    >>> [says_mask(name) for name in ("x_mask", "lung masks", "leftMask", "maskless", "1-seg", "a")]
    [True, True, True, False, True, False]
    """
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.split(r"[^a-z]+", parts.lower())
    return any(_WORD.fullmatch(word) for word in words if word) or "ground truth" in parts.lower()


def looks_like_mask(path: Path) -> bool:
    """Return whether a raster file holds a few even areas and no more; False where it is unreadable."""
    if path.suffix.lower() not in RASTER_SUFFIXES:
        return False
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                return False
            step = max(min(image.size) // _SIDE, 1)
            stored = np.asarray(image)[::step, ::step]
    except Exception:  # noqa: BLE001  whatever is wrong with it, its reader will say
        return False
    colours = stored.reshape(-1, stored.shape[2] if stored.ndim == 3 else 1)
    if len(np.unique(colours, axis=0)) <= MOST_VALUES:
        return True
    return is_even(colours.mean(axis=1))


def twin_endings(stems: Sequence[str]) -> set[str]:
    """Return the endings that many names of a folder have more than other names of it.

    >>> twin_endings(["1", "1_lungs", "2", "2_lungs", "3", "3_lungs", "a_b"])
    {'lungs'}
    """
    known = set(stems)
    parts = (_TAIL.fullmatch(stem) for stem in stems)
    count = Counter(part[2] for part in parts if part and part[1] in known)
    return {ending for ending, n in count.items() if n >= _LEAST_TWINS}


def ending_of(stem: str) -> str:
    """Return what follows the first separator's base in a name, empty where nothing does."""
    part = _TAIL.fullmatch(stem)
    return part[2] if part else ""


def are_twins(stems: Iterable[str], others: Iterable[str]) -> bool:
    """Return whether most files of a folder have a namesake in another."""
    here, there = set(stems), set(others)
    return len(here & there) >= max(_LEAST_TWINS, len(here) / 2)
