"""What the files of images say beside their pixels: numbers for each, read from their headers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.cache.images import ImageCache
from medcnn.io.array import split_fragment

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

WORDS = ("kind", "photometric", "modality", "manufacturer", "view")
RARE = 0.005
"""Share of the images below which a word is not told from other rare ones."""
RASTER = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")


def size_numbers(cache: ImageCache, at: Rows) -> Floats:
    """Return the logarithms of the original's pixels and of its height over its width, N×2."""
    sides = _numbers(cache, at, ("rows", "columns"))
    rows, columns = sides["rows"], sides["columns"]
    return _filled(
        pd.DataFrame({"pixels": np.log(rows * columns), "aspect": np.log(rows / columns)})
    )


def file_numbers(paths: pd.Series, cache: ImageCache, at: Rows) -> Floats:
    """Return bits, pixel spacing, bytes a pixel, JPEG quantisation and the common words, N×D."""
    known = _numbers(cache, at, ("rows", "columns", "bits", "spacing_mm"))
    headers = pd.DataFrame(list(_headers(paths)), columns=["bytes", "quantisation", "mode"])
    known["bytes"] = np.log(headers["bytes"] / (known["rows"] * known["columns"]))
    known["quantisation"] = headers["quantisation"]
    words = cache.facts_of(at, WORDS).assign(mode=headers["mode"])
    numbers = _filled(known.drop(columns=["rows", "columns"]))
    return np.column_stack([numbers, *(_indicators(words[name]) for name in words)])


def _numbers(cache: ImageCache, at: Rows, names: tuple[str, ...]) -> pd.DataFrame:
    facts = cache.facts_of(at, names)
    return pd.DataFrame(
        {name: pd.to_numeric(facts[name], errors="coerce") for name in names}
    ).astype(float)


def _headers(paths: pd.Series) -> Iterator[tuple[float, float, str]]:
    """Yield length, sum of the quantisation tables and mode of each file; no pixel is decoded."""
    for path in paths:
        file, fragment = split_fragment(path)
        if fragment:
            # One archive for all images says nothing of a single one.
            yield np.nan, np.nan, ""
        else:
            yield float(os.stat(file).st_size), *_header(Path(file))  # noqa: PTH116  quicker than Path


def _header(file: Path) -> tuple[float, str]:
    from PIL import Image, UnidentifiedImageError

    if file.suffix.lower() not in RASTER:
        return np.nan, ""
    try:
        with Image.open(file) as image:
            tables = getattr(image, "quantization", None)
            total = sum(sum(each) for each in tables.values()) if tables else np.nan
            return float(total), image.mode
    except (OSError, ValueError, UnidentifiedImageError):
        # The reader of the cache is more patient; such a header tells nothing here.
        return np.nan, ""


def _filled(numbers: pd.DataFrame) -> Floats:
    """Return columns with their mean where nothing is known, and 0 where nothing at all is."""
    known: Floats = numbers.fillna(numbers.mean()).to_numpy(np.float64)
    return np.nan_to_num(known)


def _indicators(words: pd.Series) -> Floats:
    """Return one column for each word that is common."""
    plain = words.fillna("").astype(str)
    shares = plain.value_counts(normalize=True).sort_index()
    common = shares.index[shares >= RARE]
    return np.column_stack([plain.eq(word).to_numpy(np.float64) for word in common])
