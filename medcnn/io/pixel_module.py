"""The elements that say how pixels are stored (PS3.3 C.7.6.3), each read once and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from medcnn.errors import ImageError
from medcnn.io.elements import text
from medcnn.io.facts import check_size
from medcnn.io.notes import Note
from medcnn.io.photometric import photometric_name

_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_SAMPLES = {"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1}


@dataclass(frozen=True)
class PixelModule:
    """The image pixel module of a data set.

    Attributes:
        rows: Height in pixels.
        columns: Width in pixels.
        samples: Samples per pixel.
        photometric: Photometric interpretation.
        allocated: Bits allocated.
        stored: Bits stored; those allocated where floating-point pixels leave them out.
        high: High bit; the uppermost of those stored where it is left out.
        representation: Pixel representation: 1 with a sign, 0 without.
        planar: Planar configuration: 1 colour by plane, 0 by pixel.
        frames: Number of frames.
        notes: What is not as it should be.
    """

    rows: int
    columns: int
    samples: int
    photometric: str
    allocated: int
    stored: int
    high: int
    representation: int
    planar: int
    frames: int
    notes: tuple[Note, ...] = ()

    @property
    def low_bits(self) -> int:
        """How many bits lie below the stored ones, which only retired files have (PS3.5 8.1.1)."""
        return self.high + 1 - self.stored if self.stored <= self.high < self.allocated else 0


def read_pixel_module(dataset: Dataset, path: Path, max_pixels: int) -> PixelModule:
    """Return the image pixel module, checked before anything of its size is allocated.

    Raises:
        ImageError: ``no_pixels``, ``too_large`` or ``corrupt``.
    """
    if not any(keyword in dataset for keyword in _PIXEL_KEYWORDS):
        raise ImageError(
            path,
            "has no pixel data",
            kind="no_pixels",
            expected="an image",
            found=str(dataset.get("Modality") or "a data set without Pixel Data"),
            remedy="export or copy the file again: its pixels are missing or cut off"
            if "Rows" in dataset
            else "leave reports and presentation states out",
        )
    try:
        module = _parse(dataset)
    except (AttributeError, TypeError, ValueError) as error:
        raise ImageError(
            path,
            "lacks an element that its pixels need",
            kind="corrupt",
            expected="Rows, Columns, Samples per Pixel, Photometric Interpretation and the bits",
            remedy="export or copy the file again",
        ) from error
    check_size(path, module.rows, module.columns, max_pixels)
    expected = _SAMPLES.get(module.photometric, 3)
    if module.samples != expected:
        raise ImageError(
            path,
            "contradicts itself about its samples per pixel",
            kind="corrupt",
            expected=f"{expected} for {module.photometric or 'no photometric interpretation'}",
            found=str(module.samples),
        )
    return module


def _parse(dataset: Dataset) -> PixelModule:
    allocated = int(dataset.BitsAllocated)
    stored = int(dataset.BitsStored) if "PixelData" in dataset else allocated
    high = dataset.get("HighBit")
    spelt = text(dataset, "PhotometricInterpretation")
    photometric = photometric_name(spelt)
    notes = []
    if not spelt or photometric != spelt:
        photometric = photometric or ("MONOCHROME2" if dataset.SamplesPerPixel == 1 else "RGB")
        said = "is unknown" if spelt else "is missing"
        said = "is spelt otherwise than the standard does" if photometric_name(spelt) else said
        said = f"Photometric Interpretation {said}: {photometric} is taken"
        notes.append(Note("photometric", said))
    return PixelModule(
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        samples=int(dataset.SamplesPerPixel),
        photometric=photometric,
        allocated=allocated,
        stored=stored,
        high=high if isinstance(high, int) else stored - 1,
        representation=int(dataset.get("PixelRepresentation") or 0),
        planar=int(dataset.get("PlanarConfiguration") or 0),
        frames=_count_frames(dataset),
        notes=tuple(notes),
    )


def _count_frames(dataset: Dataset) -> int:
    try:
        return max(int(dataset.get("NumberOfFrames") or 1), 1)
    except (TypeError, ValueError):
        return 1
