"""The Montgomery County X-ray set of the National Library of Medicine: normal or tuberculosis."""

from __future__ import annotations

from pathlib import Path

from medcnn.data.manifest import Manifest
from medcnn.data.sources.clinical_readings import read_set


def read(root: str | Path) -> Manifest:
    """Return the manifest of the 138 images of ``CXR_png/MCUCXR_0001_0.png`` and so on.

    Raises:
        DataError: If the folder is missing or holds no image of the set.
    """
    return read_set(root, "montgomery", "MCUCXR")
