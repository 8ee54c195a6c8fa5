"""The elements that say how pixels are stored (PS3.3 C.7.6.3), held against the pixels themselves.

What a codestream says of its own size, samples and depth is so; of uncompressed pixels only their
number is known. Where an element says something else, the pixels win, and a note names the element.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from medcnn.errors import ImageError
from medcnn.io.codestream import Header
from medcnn.io.elements import integer, text
from medcnn.io.facts import check_size
from medcnn.io.notes import Note
from medcnn.io.photometric import MONOCHROME, PALETTE, photometric_name

PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_DEPTHS = (8, 16, 32, 64)


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


def check_has_pixels(dataset: Dataset, path: Path) -> None:
    """Check that there is an image at all.

    Raises:
        ImageError: ``no_pixels``.
    """
    if not any(keyword in dataset for keyword in PIXEL_KEYWORDS):
        raise ImageError(
            path,
            "has no pixel data",
            kind="no_pixels",
            expected="an image",
            found=text(dataset, "Modality") or "a data set without Pixel Data",
            remedy="export or copy the file again: its pixels are missing or cut off"
            if "Rows" in dataset
            else "leave reports and presentation states out",
        )


def read_pixel_module(
    dataset: Dataset,
    path: Path,
    max_pixels: int,
    *,
    header: Header | None = None,
    is_native: bool = True,
) -> PixelModule:
    """Return the image pixel module, checked before anything of its size is allocated.

    Args:
        dataset: The data set.
        path: The file, for the errors.
        max_pixels: The most pixels to decode.
        header: What the codestream says of itself, None where there is none.
        is_native: Whether the pixels are not compressed.

    Raises:
        ImageError: ``no_pixels``, ``too_large``, ``truncated`` or ``corrupt``.
    """
    check_has_pixels(dataset, path)
    found = _Declared(dataset)
    if header is not None:
        found.follow(header)
    check_size(path, found.need("Rows", path), found.need("Columns", path), max_pixels)
    if is_native and "PixelData" in dataset:
        found.fit(_length(dataset), path)
    return found.module(path, is_float="PixelData" not in dataset)


def _length(dataset: Dataset) -> int:
    content = dataset.PixelData
    return len(content) if isinstance(content, bytes) else 0


class _Declared:
    """The elements as they are declared, on their way to what the pixels allow."""

    def __init__(self, dataset: Dataset) -> None:
        names = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit")
        self.values: dict[str, int | None] = {name: integer(dataset, name) for name in names}
        self.representation = integer(dataset, "PixelRepresentation") or 0
        self.planar = integer(dataset, "PlanarConfiguration") or 0
        self.frames = max(integer(dataset, "NumberOfFrames") or 1, 1)
        self.spelt = text(dataset, "PhotometricInterpretation")
        self.photometric = photometric_name(self.spelt)
        self.notes: list[Note] = []

    def need(self, name: str, path: Path) -> int:
        """Return an element that nothing can stand in for."""
        value = self.values[name]
        if value is None:
            raise ImageError(
                path,
                "lacks an element that its pixels need",
                kind="corrupt",
                expected="Rows and Columns",
                remedy="export or copy the file again",
            )
        return value

    def say(self, kind: str, text: str) -> None:
        self.notes.append(Note(kind, text))

    def follow(self, header: Header) -> None:
        """Take over what a codestream says of itself."""
        declared = self.values
        size, meant = (header.rows, header.columns), (declared["Rows"], declared["Columns"])
        if size != meant:
            said = "Rows and Columns contradict the codestream"
            self.say("size", f"{said}: its {size[0]}×{size[1]} are taken")
        declared |= {"Rows": header.rows, "Columns": header.columns}
        if header.samples != declared["SamplesPerPixel"]:
            said = "Samples per Pixel contradicts the codestream"
            self.say("photometric", f"{said}: its {header.samples} are taken")
        declared["SamplesPerPixel"] = header.samples
        self._deepen(header.precision, "the codestream")

    def _deepen(self, bits: int, source: str) -> None:
        allocated = self.values["BitsAllocated"]
        if allocated is None or bits > allocated:
            self.values["BitsAllocated"] = next(depth for depth in _DEPTHS if depth >= bits)
            self.values["BitsStored"] = bits
            self.say("bits", f"Bits Allocated contradicts {source}: its {bits} bits are taken")

    def fit(self, length: int, path: Path) -> None:
        """Take over what the number of bytes of uncompressed pixels leaves possible."""
        pixels = self.need("Rows", path) * self.need("Columns", path)
        stored, samples = self.values["BitsStored"], self._samples(length, pixels)
        allocated = self.values["BitsAllocated"]
        if allocated == 1:
            return
        fitting = _fitting_depth(length, pixels * samples, allocated, stored)
        if fitting != allocated:
            self.values["BitsAllocated"] = fitting
            said = "Bits Allocated contradicts the length of Pixel Data"
            self.say("bits", f"{said}: {fitting} are taken")
        frame = pixels * samples * (fitting // 8)
        if frame and length // frame < self.frames and length >= frame:
            self.say("size", "Pixel Data are too short for Number of Frames: the first is used")
            self.frames = 1
        elif length > frame * self.frames + max(frame // 100, 8):
            said = "Pixel Data are longer than Rows × Columns need"
            self.say("size", f"{said}: what lies behind the first image is left out")

    def _samples(self, length: int, pixels: int) -> int:
        """Return the samples per pixel, those of the interpretation where the length agrees."""
        declared = self.values["SamplesPerPixel"]
        meant = _samples_of(self.photometric) or declared or 1
        if declared in (meant, 2, 4) or self.photometric.startswith("YBR_FULL_422"):
            return declared or meant
        size = max((self.values["BitsAllocated"] or 8) // 8, 1)
        fits_three = length >= 3 * pixels * size
        self.values["SamplesPerPixel"] = 3 if fits_three and 3 in (declared, meant) else 1
        if declared is not None:
            said = "Samples per Pixel contradicts Photometric Interpretation"
            self.say("photometric", f"{said}: {self.values['SamplesPerPixel']} are held")
        return self.values["SamplesPerPixel"] or 1

    def module(self, path: Path, *, is_float: bool) -> PixelModule:
        """Return the module."""
        samples = self.values["SamplesPerPixel"] or _samples_of(self.photometric) or 1
        allocated = self.values["BitsAllocated"] or 16
        stored = self.values["BitsStored"]
        if is_float:
            stored = allocated
        elif stored is None or not 1 <= stored <= allocated:
            said = "Bits Stored is missing" if stored is None else "Bits Stored is impossible"
            self.say("bits", f"{said}: the {allocated} allocated ones are taken")
            stored = allocated
        if samples not in (1, 3):
            raise ImageError(
                path,
                "contradicts itself about its samples per pixel",
                kind="corrupt",
                expected="1 or 3 samples per pixel",
                found=str(samples),
            )
        high = self.values["HighBit"]
        if high is not None and not stored - 1 <= high < allocated:
            if not is_float:
                self.say("bits", f"High Bit {high} is impossible: {stored - 1} is taken")
            high = stored - 1
        if self.representation not in (0, 1):
            self.say("sign", "Pixel Representation is neither 0 nor 1: 0 is taken")
            self.representation = 0
        return PixelModule(
            rows=self.need("Rows", path),
            columns=self.need("Columns", path),
            samples=samples,
            photometric=self._interpretation(samples),
            allocated=allocated,
            stored=stored,
            high=stored - 1 if high is None else high,
            representation=self.representation,
            planar=self.planar if self.planar in (0, 1) else 0,
            frames=self.frames,
            notes=tuple(self.notes),
        )

    def _interpretation(self, samples: int) -> str:
        """Return the interpretation that fits the samples, and say where it is not as it is spelt."""
        taken = self.photometric
        if _samples_of(taken) != samples:
            taken = "MONOCHROME2" if samples == 1 else "RGB"
        if taken == self.spelt:
            return taken
        said = "contradicts the pixels" if self.photometric else "is unknown"
        said = "is spelt otherwise than the standard does" if taken == self.photometric else said
        said = said if self.spelt else "is missing"
        self.say("photometric", f"Photometric Interpretation {said}: {taken} is taken")
        return taken


def _samples_of(photometric: str) -> int | None:
    if photometric in (*MONOCHROME, PALETTE):
        return 1
    return 3 if photometric else None


def _fitting_depth(length: int, samples: int, allocated: int | None, stored: int | None) -> int:
    """Return bits allocated that the length allows, the declared ones where it does."""
    declared = allocated if allocated in _DEPTHS else None
    least = max(stored or 1, 1)
    if declared and length >= samples * declared // 8:
        deeper = declared < least and length >= samples * 2 * declared // 8
        return 2 * declared if deeper else declared
    exact = [depth for depth in _DEPTHS if 0 <= length - samples * depth // 8 <= 1]
    return (
        exact[0]
        if exact
        else declared or next(depth for depth in _DEPTHS if depth >= min(least, 64))
    )
