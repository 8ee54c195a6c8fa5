"""A manifest that the user wrote: a CSV file with ``image_id, path, label`` and further columns."""

from __future__ import annotations

from pathlib import Path

from medcnn.data.manifest import COLUMNS, Manifest, build_manifest, read_table
from medcnn.errors import DataError


def read(root: str | Path) -> Manifest:
    """Return the manifest in the CSV file ``root``; relative paths start at the file's folder.

    Raises:
        DataError: If the file is missing, is a folder, or does not hold a manifest.
    """
    path = Path(root).expanduser()
    if path.is_dir():
        tables = sorted(p.name for p in path.glob("*.csv"))
        raise DataError(
            f"data=manifest needs a file, and {path} is a folder.",
            expected=f"a CSV file with the columns {', '.join(COLUMNS)}",
            found=", ".join(tables) or "no CSV file in the folder",
            remedy="give the file, or use data=folder for a folder of images",
        )
    return build_manifest(read_table(path), source=path.name)
