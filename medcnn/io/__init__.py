"""One file -> float32 pixels in [0, 1], air dark and bone bright, and the facts beside them."""

from __future__ import annotations

from medcnn.io.facts import Facts, Image
from medcnn.io.reading import read_image, read_image_resized

__all__ = ["Facts", "Image", "read_image", "read_image_resized"]
