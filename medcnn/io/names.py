"""What the name of a file says, before anybody opens it."""

from __future__ import annotations

from pathlib import Path

RASTER_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
DICOM_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
INDEX = "DICOMDIR"
"""The table of contents of a medium (PS3.10 8.6): DICOM, and no image."""


def is_dicom_name(name: str) -> bool:
    """Return whether a file of this name may be a DICOM image.

    Many have no suffix, or the UID of their instance for a name, whose last number looks like one.

    >>> is_dicom_name("IM0001"), is_dicom_name("1.2.840.10008"), is_dicom_name("a.png")
    (True, True, False)
    """
    suffix = Path(name).suffix.lower()
    known = not suffix or suffix in DICOM_SUFFIXES or suffix[1:].isdigit()
    return known and name != INDEX


def is_image_name(name: str) -> bool:
    """Return whether a file of this name may be an image.

    >>> is_image_name("a.TIFF"), is_image_name("DICOMDIR"), is_image_name("notes.txt")
    (True, False, False)
    """
    return Path(name).suffix.lower() in RASTER_SUFFIXES or is_dicom_name(name)


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
