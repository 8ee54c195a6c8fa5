"""What a release looks like on disk, and the errors for one that looks different."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from medcnn.errors import DataError, nearest
from medcnn.io.choice import images_below, is_hidden
from medcnn.io.names import is_text, says_image, type_of_name


def release_folder(root: str | Path, source: str, expected: str, *, unwrap: bool = True) -> Path:
    """Return ``root`` as an absolute folder.

    Args:
        root: What the user gave as ``data.root``.
        source: The name of the source, for the message.
        expected: What such a folder holds, for the message.
        unwrap: Whether a folder that an archive wrapped around the release is entered; one whose
            name stands in ``expected`` belongs to it.

    Raises:
        DataError: If there is no such folder, or it is empty.
    """
    folder = Path(root).expanduser()
    kind = type_of_name(folder.name) if folder.is_file() else None
    if kind is not None and "unpacked" in kind.name:
        raise DataError(
            f"data={source} reads a folder, and {folder} is an archive.",
            expected=expected,
            found=f"a {folder.suffix.lower().lstrip('.')} file",
            remedy="unpack it, and give the folder that comes out as data.root=PATH",
        )
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
    return _unwrapped(folder.resolve(), expected) if unwrap else folder.resolve()


def _unwrapped(folder: Path, expected: str) -> Path:
    """Return the folder that an archive wrapped once or twice more around its content."""
    for _ in range(2):
        shown = [path for path in folder.iterdir() if not is_hidden(path.name)]
        if len(shown) != 1 or not shown[0].is_dir() or f"{shown[0].name}/" in expected:
            return folder
        folder = shown[0]
    return folder


def image_files(folder: Path) -> list[Path]:
    """Return every image below ``folder``, sorted by path; masks are none.

    Raises:
        DataError: If a name is no text, which no table can hold.
        OSError: If a folder may not be read.
    """
    images, _ = images_below(folder)
    check_names(images)
    return images


def sub_folders(folder: Path) -> list[Path]:
    """Return the visible sub-folders of ``folder``, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not is_hidden(p.name))


class ImageIndex:
    """Every image below a folder by the last components of its path, with and without its suffix.

    Attributes:
        folder: The folder.
        paths: The images by name.
        left_out: How many files and listed images a source has left out so far, by reason.
        named: The images that a table has named.
    """

    def __init__(self, folder: Path, parts: int = 1) -> None:
        """Look through a folder.

        Args:
            folder: The folder.
            parts: How many components of its path name an image.

        Raises:
            DataError: If two images have the same name, so that a table could mean either.
            OSError: If a folder below may not be read.
        """
        images, self.left_out = images_below(folder)
        check_names(images)
        self.folder = folder
        self.paths: dict[str, Path] = {}
        for path in images:
            key = "/".join(path.parts[-parts:])
            if key in self.paths:
                raise DataError(
                    f"Two images below {folder} have the name {key}.",
                    expected="each image of the release once",
                    found=f"{self.paths[key].relative_to(folder)} and {path.relative_to(folder)}",
                    remedy="give a folder without resized or converted copies as data.root",
                )
            self.paths[key] = path
        stems = Counter(_stem(key) for key in self.paths)
        self._by_stem = {
            _stem(key): path for key, path in self.paths.items() if stems[_stem(key)] == 1
        }
        self.named: set[Path] = set()

    def find(self, names: pd.Series) -> pd.Series:
        """Return the path of each listed image, missing where it is not there.

        A release that is kept in another format, as PNG instead of DICOM, is found by its stems.
        """
        found = [self.paths.get(name) or self._by_stem.get(_stem(name)) for name in names]
        self.named.update(path for path in found if path is not None)
        return pd.Series(found, names.index, dtype=object)


def _stem(name: str) -> str:
    """Return a name without the suffix of an image; other dots belong to it.

    >>> _stem("a/1.2.840.dcm"), _stem("1.2.840")
    ('a/1.2.840', '1.2.840')
    """
    return name.rpartition(".")[0] if says_image(name) else name


def check_names(paths: Iterable[Path]) -> None:
    """Raise DataError if the name of an image is no text, which no table can hold."""
    for path in paths:
        if is_text(path):
            continue
        raise DataError(
            "The name of an image is not text in UTF-8.",
            expected="names that a table can hold",
            found=os.fsencode(path).decode(errors="replace"),
            remedy="rename it, for example with convmv -f latin1 -t utf8 --notest",
        )


def _nearest_path(folder: Path) -> str:
    parent = next((p for p in folder.absolute().parents if p.is_dir()), Path("/"))
    missing = folder.absolute().relative_to(parent).parts[0]
    here = [path.name for path in parent.iterdir() if path.is_dir()]
    guess = nearest(missing, here)
    hint = f"{guess!r} is the nearest name" if guess else listing(here)
    return f"{parent} has no {missing!r}; {hint}"


def listing(names: list[str]) -> str:
    """Return in words what a folder holds, by its first eight names."""
    shown = ", ".join(sorted(names)[:8])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"it holds {shown}{more}" if names else "it is empty"
