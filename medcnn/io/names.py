"""What the name or the first bytes of a file say it is: one table for every reader and command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileType:
    """A type of file.

    Attributes:
        name: Its name, with an article.
        suffixes: How names of such files end, in small letters.
        signatures: How such files begin, after ``offset`` bytes; none where that says nothing.
        is_read: Whether ``read_image`` reads it.
        offset: Where the signature stands.
    """

    name: str
    suffixes: tuple[str, ...]
    signatures: tuple[bytes, ...] = ()
    is_read: bool = False
    offset: int = 0

    def is_told_by(self, head: bytes) -> bool:
        """Return whether the first bytes of a file are those of the type."""
        return head.startswith(self.signatures, self.offset) if self.signatures else False


DICOM = FileType("a DICOM file", (".dcm", ".dicom", ".dic", ".ima"), (b"DICM",), True, 128)
RASTER = (
    FileType("a PNG image", (".png",), (b"\x89PNG",), True),
    FileType("a JPEG image", (".jpg", ".jpeg", ".jpe", ".jfif"), (b"\xff\xd8",), True),
    FileType(
        "a TIFF image", (".tif", ".tiff"), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), is_read=True
    ),
    FileType("a BMP image", (".bmp", ".dib"), (b"BM",), True),
)
UNREAD = (
    FileType("a WebP image", (".webp",), (b"WEBP",), offset=8),
    FileType("a GIF image", (".gif",), (b"GIF87a", b"GIF89a")),
    FileType(
        "a JPEG 2000 image",
        (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
        (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),
    ),
    FileType("a JPEG XL image", (".jxl",), (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    FileType("an AVIF image", (".avif",), (b"ftypavif",), offset=4),
    FileType("a HEIF image", (".heic", ".heif"), (b"ftyphei", b"ftypmif1"), offset=4),
    FileType("a Netpbm image", (".pgm", ".ppm", ".pnm", ".pbm"), (b"P5\n", b"P2\n", b"P6\n")),
    FileType("a NIfTI volume", (".nii", ".nii.gz")),
    FileType("an NRRD volume", (".nrrd", ".nhdr"), (b"NRRD000",)),
    FileType("a MetaImage volume", (".mha", ".mhd"), (b"ObjectType = Image",)),
    FileType("a NumPy array", (".npy",), (b"\x93NUMPY",)),
    FileType("a PDF document", (".pdf",), (b"%PDF",)),
    FileType("a zip archive, to be unpacked", (".zip",), (b"PK\x03\x04",)),
    FileType("an archive, to be unpacked", (".tar", ".tar.gz", ".tgz", ".7z", ".rar", ".tar.bz2")),
)
"""Types that hold images and are not read: named as what they are, so that nobody has to guess."""

RASTER_SUFFIXES = tuple(suffix for each in RASTER for suffix in each.suffixes)
DICOM_SUFFIXES = DICOM.suffixes
INDEX = "DICOMDIR"
"""The table of contents of a medium (PS3.10 8.6): DICOM, and no image."""


def type_of_name(name: str) -> FileType | None:
    """Return the type that the suffix of a name promises, None where it promises none.

    >>> type_of_name("a.JFIF").name, type_of_name("a.webp").is_read, type_of_name("IM0001")
    ('a JPEG image', False, None)
    """
    lower = name.lower()
    return next((each for each in (DICOM, *RASTER, *UNREAD) if lower.endswith(each.suffixes)), None)


def type_of_bytes(head: bytes) -> FileType | None:
    """Return the type that begins with these bytes (132 are enough), None where none does."""
    return next((each for each in (DICOM, *RASTER, *UNREAD) if each.is_told_by(head)), None)


def is_dicom_name(name: str) -> bool:
    """Return whether a file of this name may be a DICOM image.

    Many have no suffix, or the UID of their instance for a name, whose last number looks like one.

    >>> is_dicom_name("IM0001"), is_dicom_name("1.2.840.10008"), is_dicom_name("a.png")
    (True, True, False)
    """
    suffix = Path(name).suffix.lower()
    known = not suffix or suffix in DICOM_SUFFIXES or suffix[1:].isdigit()
    return known and name != INDEX


def says_image(name: str) -> bool:
    """Return whether the suffix promises an image.

    >>> says_image("a.dcm"), says_image("IM0001")
    (True, False)
    """
    return Path(name).suffix.lower() in (*RASTER_SUFFIXES, *DICOM_SUFFIXES)


def is_text(path: Path) -> bool:
    """Return whether a path is text, which names in a foreign encoding are not."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
