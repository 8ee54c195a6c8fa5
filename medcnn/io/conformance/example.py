"""Small DICOM files, written tag by tag, for the conformance cases and the tests."""

from __future__ import annotations

import base64
import functools
import io
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

_INSTANCE = "1.2.826.0.1.3680043.8.498.1"
RAMP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)
"""0 to 4080 in steps of 16, row by row."""


def image_dataset(
    stored: npt.NDArray[Any],
    *,
    bits: int = 12,
    syntax: UID = ExplicitVRLittleEndian,
    frames: Sequence[bytes] = (),
    **elements: Any,
) -> FileDataset:
    """Return a data set with an image pixel module.

    Args:
        stored: H×W stored values, or H×W×3 samples.
        bits: Bits stored; bits allocated are those of the array's type.
        syntax: Transfer syntax.
        frames: Coded frames, where the syntax is an encapsulated one.
        **elements: Further elements by keyword; they replace those above, None takes one away,
            and a DataElement brings a value representation of its own.
    """
    dataset = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID = DigitalXRayImageStorageForPresentation, _INSTANCE
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 1 if stored.ndim == 2 else stored.shape[2]
    dataset.PhotometricInterpretation = "MONOCHROME2" if stored.ndim == 2 else "RGB"
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * stored.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    if frames:
        dataset.PixelData = encapsulate(list(frames))
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
    else:
        little = stored.dtype.newbyteorder("<")
        order = little if syntax.is_little_endian else stored.dtype.newbyteorder(">")
        content = stored.astype(order).tobytes()
        dataset.PixelData = content + bytes(len(content) % 2)
        dataset["PixelData"].VR = "OB" if stored.dtype.itemsize == 1 else "OW"
    with config.disable_value_validation():
        for keyword, value in elements.items():
            if value is None:
                delattr(dataset, keyword)
            elif isinstance(value, DataElement):
                dataset[keyword] = value
            else:
                setattr(dataset, keyword, value)
    return dataset


def lut_item(
    descriptor: Sequence[int], entries: Sequence[int] | None, order: Literal["<", ">"] = "<"
) -> Dataset:
    """Return an item of a Modality or VOI LUT Sequence (PS3.3 C.11.1.1.1), its words in an order."""
    item = Dataset()
    vr = "SS" if descriptor[1] < 0 else "US"
    item.add_new("LUTDescriptor", vr, list(descriptor))
    if entries is not None:
        item.add_new("LUTData", "OW", np.asarray(entries, f"{order}u2").tobytes())
    return item


def codestream(name: str) -> bytes:
    """Return the ramp as coded by an encoder that is not among medcnn's dependencies."""
    return base64.b64decode(_codestreams()[name])


@functools.cache
def _codestreams() -> dict[str, str]:
    text = resources.files(__package__).joinpath("codestreams.json").read_text("utf-8")
    return dict(json.loads(text))


def encode(dataset: Dataset) -> bytes:
    """Return the data set as the bytes of a DICOM file."""
    buffer = io.BytesIO()
    with config.disable_value_validation():
        dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def file_of(stored: npt.NDArray[Any], **options: Any) -> bytes:
    """Return the bytes of the DICOM file that ``image_dataset`` describes."""
    return encode(image_dataset(stored, **options))
