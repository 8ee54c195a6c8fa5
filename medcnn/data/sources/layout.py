"""What a release looks like on disk, and the errors for one that looks different."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pandas as pd

from medcnn.errors import DataError, nearest
from medcnn.files.tables import read_csv
from medcnn.io.names import is_dicom_name, is_text, says_image

MAGIC_OFFSET = 128


def release_folder(root: str | Path, source: str, expected: str) -> Path:
    """Return ``root`` as an absolute folder.

    Args:
        root: What the user gave as ``data.root``.
        source: The name of the source, for the message.
        expected: What such a folder holds, for the message.

    Raises:
        DataError: If there is no such folder, or it is empty.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {folder} for data={source}.",
            expected=expected,
            found="a file" if folder.exists() else _nearest_path(folder),
            remedy="give the folder of the release as data.root=PATH",
        )
    if next(folder.iterdir(), None) is None:
        raise DataError(
            f"The folder {folder} is empty.",
            expected=expected,
            found="no files",
            remedy="download the release, or give its folder as data.root=PATH",
        )
    return folder.resolve()


def release_file(folder: Path, source: str, *names: str) -> Path:
    """Return the first of ``names`` that is a file in ``folder``; a name may be a glob pattern.

    Raises:
        DataError: If none of them is there.
    """
    for name in names:
        found = sorted(path for path in folder.glob(name) if path.is_file())
        if found:
            return found[0]
    here = [path.name for path in folder.iterdir()]
    guess = nearest(names[0], here)
    raise DataError(
        f"{source} lacks a table: there is no {names[0]} in {folder}.",
        expected=" or ".join(names),
        found=f"{guess!r} is the nearest name" if guess else _listing(here),
        remedy=f"download the table from the home page of {source} into that folder",
    )


def release_table(path: Path, columns: tuple[str, ...], source: str) -> pd.DataFrame:
    """Return a CSV table of a release with every column as text, empty cells as empty text.

    Spaces around the names of columns are taken off, and a compressed file (``.gz``, ``.zip``) is
    read as it is.

    Raises:
        DataError: If it is no CSV file or one of ``columns`` is missing.
    """
    table = read_csv(path, text=None, blank=True, remedy="download it again")
    table.columns = table.columns.str.strip()
    missing = [name for name in columns if name not in table.columns]
    if missing:
        guess = nearest(missing[0], table.columns)
        raise DataError(
            f"{path} lacks the column {missing[0]!r}.",
            expected=", ".join(columns),
            found=", ".join(map(str, table.columns))
            + (f" ({guess!r} is the nearest name)" if guess else ""),
            remedy=f"give the table as {source} publishes it",
        )
    return table


def image_files(folder: Path) -> list[Path]:
    """Return every image below ``folder``, sorted by path.

    A file counts by its suffix (DICOM, PNG, JPEG, TIFF, BMP) or, without one, by DICOM's magic
    word at byte 128 (PS3.10 7.1). Hidden files and folders are passed over.

    Raises:
        DataError: If a name is no text, which no table can hold.
        OSError: If a folder may not be read.
    """
    return sorted(_walk(folder))


def sub_folders(folder: Path) -> list[Path]:
    """Return the visible sub-folders of ``folder``, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not _hidden(p.name))


def image_index(folder: Path, parts: int = 1) -> dict[str, Path]:
    """Return every image below ``folder`` by the last ``parts`` components of its path.

    Raises:
        DataError: If two images have the same name, so that a table could mean either.
    """
    index: dict[str, Path] = {}
    for path in image_files(folder):
        key = "/".join(path.parts[-parts:])
        if key in index:
            raise DataError(
                f"Two images below {folder} have the name {key}.",
                expected="each image of the release once",
                found=f"{index[key].relative_to(folder)} and {path.relative_to(folder)}",
                remedy="give a folder without resized or converted copies as data.root",
            )
        index[key] = path
    return index


def present(table: pd.DataFrame, source: str, folder: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows whose ``path`` is not missing, and a warning that counts the others.

    Raises:
        DataError: If no row has an image.
    """
    here = table["path"].notna()
    if not here.any():
        raise DataError(
            f"None of the {len(table)} images in the tables of {source} is below {folder}.",
            expected=f"image files such as {table['image_id'].iloc[0]}" if len(table) else "images",
            found=_listing([path.name for path in folder.iterdir()]),
            remedy="unpack the archives of images into that folder",
        )
    absent = int((~here).sum())
    if not absent:
        return table, ()
    text = f"{source}: {absent} of {len(table)} listed images are not on disk and were left out."
    return table[here].reset_index(drop=True), (text,)


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        folders[:] = [
            name for name in folders if not _hidden(name) and not _leads_back(place, name)
        ]
        for name in names:
            path = Path(place, name)
            if not _hidden(name) and _is_image(path):
                _check_name(path)
                yield path


def _raise(error: OSError) -> NoReturn:
    # Left to itself, os.walk passes over folders that may not be read.
    raise error


def _leads_back(place: str, name: str) -> bool:
    """Return whether a folder is a link to one that it lies in: its images would come again."""
    link = Path(place, name)
    return link.is_symlink() and Path(place).resolve().is_relative_to(link.resolve())


def _check_name(path: Path) -> None:
    if not is_text(path):
        raise DataError(
            "The name of an image is not text in UTF-8.",
            expected="names that a table can hold",
            found=os.fsencode(path).decode(errors="replace"),
            remedy="rename it, for example with convmv -f latin1 -t utf8 --notest",
        )


def _is_image(path: Path) -> bool:
    return says_image(path.name) or (is_dicom_name(path.name) and _has_dicom_magic(path))


def _has_dicom_magic(path: Path) -> bool:
    # Opening a pipe would wait for its other end.
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            file.seek(MAGIC_OFFSET)
            return file.read(4) == b"DICM"
    except OSError:
        return False


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def _nearest_path(folder: Path) -> str:
    parent = next((p for p in folder.absolute().parents if p.is_dir()), Path("/"))
    missing = folder.absolute().relative_to(parent).parts[0]
    here = [path.name for path in parent.iterdir() if path.is_dir()]
    guess = nearest(missing, here)
    hint = f"{guess!r} is the nearest name" if guess else _listing(here)
    return f"{parent} has no {missing!r}; {hint}"


def _listing(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:8])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"it holds {shown}{more}" if names else "it is empty"
