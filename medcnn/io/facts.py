"""What is known about an image beside its pixels; never a name or a birth date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medcnn.errors import ImageError
from medcnn.io.notes import Note

MAX_PIXELS = 100_000_000
"""The most pixels (rows × columns) that a reader accepts before it decodes anything."""

MAX_TILES = 16_384
"""OpenJPEG takes 6 to 12 KiB for each tile of JPEG 2000, however small: 192 MiB for so many."""

MAX_SCANS = 100
"""A scan of thirty bytes holds a decoder of JPEG for 50 ms at ``MAX_PIXELS``; encoders write ten."""


@dataclass(frozen=True)
class Facts:
    """The facts of one image.

    Attributes:
        kind: How the file is kept: ``dicom``, ``png``, ``jpeg``, ``tiff``, ``bmp`` or ``array``.
        rows: Height of the original in pixels, before any reduction.
        columns: Width of the original in pixels, before any reduction.
        bits: Bits that carry information in one stored sample.
        photometric: Photometric interpretation of the stored pixels (PS3.3 C.7.6.3.1.2).
        view: View position (``PA``, ``AP``, ``LL``, …), empty where unknown.
        spacing_mm: Row and column spacing in mm at the original size, where known.
        modality: DICOM modality, empty where unknown.
        body_part: DICOM body part examined, empty where unknown.
        patient_id: Patient identifier as stored; hash it before it leaves (``identifiers``).
        study_id: Study instance UID, empty where unknown.
        date: Date of the study or the exposure, ``YYYYMMDD``, empty where unknown.
        sex: ``M``, ``F``, ``O`` or empty.
        age: Age in years, None where unknown.
        laterality: ``L``, ``R``, ``B``, ``U`` or empty.
        manufacturer: Maker of the device, empty where unknown.
        transfer_syntax: Transfer syntax UID of a DICOM file, else empty.
        window: Which grey-scale transformation was applied, in words.
        notes: What is not as it should be, and what was done about it, each with a kind to count by.
        decoded_scale: 1, 2, 4 or 8: by how much the decoder reduced the resolution.
    """

    kind: str
    rows: int
    columns: int
    bits: int
    photometric: str
    view: str = ""
    spacing_mm: tuple[float, float] | None = None
    modality: str = ""
    body_part: str = ""
    patient_id: str = ""
    study_id: str = ""
    date: str = ""
    sex: str = ""
    age: float | None = None
    laterality: str = ""
    manufacturer: str = ""
    transfer_syntax: str = ""
    window: str = "none"
    notes: tuple[Note, ...] = ()
    decoded_scale: int = 1

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of the notes."""
        return tuple(note.text for note in self.notes)


@dataclass(frozen=True)
class Image:
    """Pixels and facts of one file.

    Attributes:
        pixels: H×W float32 in [0, 1]; air dark and bone bright whatever the file's convention.
        facts: What is known beside the pixels.
    """

    pixels: npt.NDArray[np.float32]
    facts: Facts


def check_size(path: object, rows: int, columns: int, max_pixels: int) -> None:
    """Check an image's size before anything of that size is allocated.

    Raises:
        ImageError: ``too_large`` above ``max_pixels``, ``corrupt`` for a side below one pixel.
    """
    if rows < 1 or columns < 1:
        raise ImageError(
            path,
            "has a side without pixels",
            kind="corrupt",
            found=f"{rows}×{columns}",
            remedy="export or copy the file again",
        )
    if rows * columns > max_pixels:
        raise ImageError(
            path,
            "is larger than medcnn decodes",
            kind="too_large",
            expected=f"at most {max_pixels:,} pixels",
            found=f"{rows}×{columns} = {rows * columns:,} pixels",
            remedy="check the file, or raise max_pixels if it is really that large",
        )


def check_count(path: object, name: str, count: int, most: int) -> None:
    """Check how many parts a coded image has, each of which costs memory or time.

    Raises:
        ImageError: ``too_large``.
    """
    if count > most:
        raise ImageError(
            path,
            f"has more {name} than medcnn decodes",
            kind="too_large",
            expected=f"at most {most:,}",
            found=f"{count:,}",
            remedy="convert it to an uncompressed image",
        )


def not_an_image(path: object, problem: str = "is not an image", found: str = "") -> ImageError:
    """Return the error of a file that is of no kind which is read."""
    return ImageError(
        path,
        problem,
        kind="not_an_image",
        expected="a DICOM, PNG, JPEG, TIFF or BMP file",
        found=found,
        remedy="leave it out of the folder",
    )


def broken(path: object, expected: str, found: str = "") -> ImageError:
    """Return the error of a file that cannot be decoded; without what was found, one cut off."""
    return ImageError(
        path,
        "cannot be decoded" if found else "ends too early",
        kind="corrupt" if found else "truncated",
        expected=expected,
        found=found,
        remedy="export or copy the file again",
    )
