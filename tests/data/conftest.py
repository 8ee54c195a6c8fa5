"""Pictures that share their coarse structure, as chest radiographs do, and a cache of any pictures."""

import cv2
import numpy as np
import pandas as pd
import pytest

from medcnn.data.cache.cache import build_cache
from medcnn.data.manifest import build_manifest


def draw_pictures(n, side=128, seed=0):
    """Return n images with one bright spine and two dark lungs, and fine structure of their own."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    lungs = np.exp(-(((x - 0.3) / 0.14) ** 2) - ((y - 0.5) / 0.3) ** 2)
    lungs += np.exp(-(((x - 0.7) / 0.14) ** 2) - ((y - 0.5) / 0.3) ** 2)
    found = []
    for _ in range(n):
        own = sum(
            weight * cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), sigma) * sigma
            for weight, sigma in ((35, side / 10), (18, side / 30), (6, side / 90))
        )
        found.append(np.clip(160 - 110 * lungs + own, 0, 255).astype(np.uint8))
    return found


@pytest.fixture
def pictures():
    return draw_pictures


@pytest.fixture
def stored(tmp_path):
    """Return a function from images and manifest columns to a manifest and its cache."""

    def store(images, *, size=64, **columns):
        names = [f"i{row}" for row in range(len(images))]
        for name, image in zip(names, images, strict=True):
            cv2.imwrite(str(tmp_path / f"{name}.png"), image)
        paths = [str(tmp_path / f"{name}.png") for name in names]
        table = pd.DataFrame({"image_id": names, "path": paths}).assign(**columns)
        manifest = build_manifest(table, source="x")
        root = tmp_path / "cache"
        return manifest, build_cache(
            manifest.table, size=size, root=root, workers=0, progress=False
        )

    return store
