"""DICOM files as grey pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from medcnn.errors import ImageError
from medcnn.io.facts import Facts, Image


def read_dicom(path: Path, *, min_size: int | None = None, exact: bool = True) -> Image:
    """Return the grey pixels of a DICOM file.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    try:
        dataset = pydicom.dcmread(path)
        stored = dataset.pixel_array
    except (InvalidDicomError, AttributeError, ValueError, RuntimeError, OSError) as error:
        raise ImageError(path, "cannot be decoded", kind="corrupt", found=str(error)) from error
    values = np.asarray(apply_voi_lut(apply_modality_lut(stored, dataset), dataset), np.float64)
    if "WindowCenter" in dataset:
        low, high = float(values.min()), float(values.max())
    else:
        low, high = (float(v) for v in np.percentile(values, (0.5, 99.5)))
    pixels = np.clip((values - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    photometric = str(dataset.PhotometricInterpretation)
    if photometric == "MONOCHROME1":
        pixels = 1 - pixels
    return Image(
        pixels,
        Facts(
            kind="dicom",
            rows=int(dataset.Rows),
            columns=int(dataset.Columns),
            bits=int(dataset.BitsStored),
            photometric=photometric,
            view=str(dataset.get("ViewPosition") or ""),
            modality=str(dataset.get("Modality") or ""),
            patient_id=str(dataset.get("PatientID") or ""),
            sex=str(dataset.get("PatientSex") or ""),
        ),
    )
