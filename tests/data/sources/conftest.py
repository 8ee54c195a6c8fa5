from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

WriteImage = Callable[..., Path]


@pytest.fixture
def write_image() -> WriteImage:
    """Write a small grey image (PNG, JPEG) at a path, its folders included."""
    rng = np.random.default_rng(0)

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 255, (8, 8), dtype=np.uint8))
        return path

    return write


@pytest.fixture
def write_dicom() -> WriteImage:
    """Write a small DICOM radiograph with the given attributes at a path."""

    def write(path: Path, **attributes: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset = Dataset()
        dataset.SOPClassUID = ComputedRadiographyImageStorage
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
        dataset.Rows = dataset.Columns = 8
        dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.PixelData = bytes(64)
        for name, value in attributes.items():
            setattr(dataset, name, value)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def as_png() -> Callable[[Path], Path]:
    """Keep a release of DICOM files as PNG, as Kaggle's copies do, wrapped in one more folder."""
    rng = np.random.default_rng(0)

    def convert(root: Path) -> Path:
        for path in [*root.rglob("*.dcm"), *root.rglob("*.dicom")]:
            cv2.imwrite(str(path.with_suffix(".png")), rng.integers(0, 255, (8, 8), np.uint8))
            path.unlink()
        inner = root / "archive"
        entries = list(root.iterdir())
        inner.mkdir()
        for entry in entries:
            entry.rename(inner / entry.name)
        return root

    return convert


@pytest.fixture
def real_data() -> Path:
    """The folder of real radiographs, or a visible skip."""
    if "MEDCNN_TEST_DATA" not in os.environ:
        pytest.skip("MEDCNN_TEST_DATA is not set: no real radiographs here")
    return Path(os.environ["MEDCNN_TEST_DATA"])
