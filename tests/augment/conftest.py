from __future__ import annotations

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """Four smooth grey images, 4×64×64 uint8, with structure everywhere."""
    noise = np.random.default_rng(3).standard_normal((4, 64, 64)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(image, (0, 0), 3) for image in noise])
    low, high = smooth.min((1, 2), keepdims=True), smooth.max((1, 2), keepdims=True)
    return np.round(20 + 215 * (smooth - low) / (high - low)).astype(np.uint8)
