"""Places that only a client of their own can read: ``s3://…``, ``https://…``."""

from __future__ import annotations

import re

from medcnn.errors import DataError

_REMOTE = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]*://")


def check_mounted(place: object, key: str) -> None:
    """Refuse a place that is no path of this machine, before ``pathlib`` makes one of it.

    Args:
        place: A path, as it was given.
        key: Where it was given.

    Raises:
        DataError: If it begins like ``s3://`` or ``https://``.

    >>> check_mounted("/data/scans", "data.root")
    """
    if _REMOTE.match(str(place)):
        raise DataError(
            f"{key} is no path of this machine: {place}",
            expected="a file or folder that every program on this machine can open",
            found=f"an address of {str(place).partition(':')[0]}",
            remedy="mount it (rclone mount, s3fs, gcsfuse, blobfuse2), or copy it, and give the path",
        )
