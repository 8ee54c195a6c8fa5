"""Which files below a folder are images: one rule for training, prediction, audit and doctor.

A file is an image by its suffix or, where that promises nothing, by how it begins; without a suffix,
whatever is no text may be DICOM, and is reported if it is not. Hidden files are not seen at all. What
else is no image is given a reason, so that it can be counted: another type of file, the index of a
DICOM medium, a mask, or what the user excludes.
"""

from __future__ import annotations

import fnmatch
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from medcnn.io.masks import are_twins, ending_of, looks_like_mask, says_mask, twin_endings
from medcnn.io.names import (
    INDEX,
    RASTER_SUFFIXES,
    is_dicom_name,
    says_image,
    type_of_bytes,
    type_of_name,
)

MASK = "mask"
EXCLUDED = "excluded"
CLOSED = "folder that cannot be read"
_HEAD = 132
_MOST_NEIGHBOURS = 32
"""Folders that are compared with one another: a folder for each patient is another matter."""
_TEXT_LIKE = (".bmp",)
"""``BM`` begins many a text, so that alone it is no sign of an image."""


@dataclass(frozen=True)
class Entry:
    """A file below a folder.

    Attributes:
        path: The file; a folder where its ``reason`` is ``CLOSED``.
        reason: Why it is no image for us, in words to count by; empty for an image.
    """

    path: Path
    reason: str = ""


def walk(folder: Path, exclude: Sequence[str] = ()) -> Iterator[Entry]:
    """Yield every file below a folder, its own before those of its folders, sorted by name.

    Links are followed, unless they lead back to a folder that they lie in. What is in memory is the
    names of one folder and of its neighbours.

    Args:
        folder: The folder.
        exclude: Patterns of paths below it to leave out (``masks``, ``*/old/*``, ``*_copy.png``).
    """
    yield from _walk(folder, PurePosixPath(), tuple(exclude), is_of_masks=False)


def images_below(folder: Path, exclude: Sequence[str] = ()) -> tuple[list[Path], Counter[str]]:
    """Return the images below a folder, sorted by path, and how many files are none, by reason.

    Raises:
        OSError: If a folder below it may not be read.
    """
    images: list[Path] = []
    left_out: Counter[str] = Counter()
    for entry in walk(folder, exclude):
        if entry.reason == CLOSED:
            os.listdir(entry.path)  # noqa: PTH208  raises what the system has to say
        if entry.reason:
            left_out[entry.reason] += 1
        else:
            images.append(entry.path)
    return sorted(images), left_out


def counted(left_out: Mapping[str, int]) -> str:
    """Return what was left out in one line, the most frequent first.

    >>> counted({"mask": 2, "WebP image": 10})
    '10 × WebP image, 2 × mask'
    """
    ordered = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{n} × {reason}" for reason, n in ordered)


def excludes(exclude: Iterable[str], relative: str) -> bool:
    """Return whether a pattern matches a path below the folder, its name, or a folder above it.

    >>> excludes(["masks"], "normal/masks/1.png"), excludes(["*.tif"], "a/1.png")
    (True, False)
    """
    path = PurePosixPath(relative)
    tried = [str(path), *map(str, path.parents[:-1]), *path.parts]
    return any(
        fnmatch.fnmatchcase(text, pattern.rstrip("/")) for pattern in exclude for text in tried
    )


def reason_of(path: Path) -> str:
    """Return why a file is no image by its name and its beginning; empty where it is one."""
    if path.name == INDEX:
        return "DICOMDIR"
    if says_image(path.name):
        return ""
    if not path.is_file():
        return "" if path.is_symlink() and is_dicom_name(path.name) else "no regular file"
    named = type_of_name(path.name)
    if named is not None:
        return _bare(named.name)
    head = _head(path)
    begins = type_of_bytes(head)
    if begins is not None and not (begins.suffixes[0] in _TEXT_LIKE and path.suffix):
        return "" if begins.is_read else _bare(begins.name)
    if is_dicom_name(path.name) and head and not _is_text(head):
        return ""
    return f"{path.suffix.lower()} file" if path.suffix else "file without a suffix"


def _is_text(head: bytes) -> bool:
    """Return whether a file begins with text; a DICOM file without preamble has NULs among it."""
    words = head.decode("utf-8", errors="ignore" if len(head) < _HEAD else "replace")
    return b"\0" not in head and all(char.isprintable() or char.isspace() for char in words[:-1])


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _bare(name: str) -> str:
    return name.partition(" ")[2]


def _walk(
    place: Path, relative: PurePosixPath, exclude: tuple[str, ...], *, is_of_masks: bool
) -> Iterator[Entry]:
    try:
        folders, names = _listed(place)
    except OSError:
        yield Entry(place, CLOSED)
        return
    suspects = _suspects(place, names)
    for name in names:
        path = place / name
        if exclude and excludes(exclude, str(relative / name)):
            yield Entry(path, EXCLUDED)
            continue
        reason = reason_of(path)
        is_suspect = is_of_masks or _key(name) in suspects or says_mask(path.stem)
        if not reason and is_suspect and looks_like_mask(path):
            reason = MASK
        yield Entry(path, reason)
    of_masks = _folders_of_masks(place, folders)
    for name in folders:
        if not _leads_back(place / name):
            is_one = is_of_masks or says_mask(name) or name in of_masks
            yield from _walk(place / name, relative / name, exclude, is_of_masks=is_one)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is of the system's own and not to be seen."""
    return name.startswith((".", "__MACOSX")) or name.lower() in ("thumbs.db", "desktop.ini")


def _listed(place: Path) -> tuple[list[str], list[str]]:
    """Return the visible folders and files of a folder, sorted by name."""
    folders: list[str] = []
    names: list[str] = []
    with os.scandir(place) as entries:
        for entry in entries:
            if not is_hidden(entry.name):
                (folders if entry.is_dir() else names).append(entry.name)
    return sorted(folders), sorted(names)


def _leads_back(link: Path) -> bool:
    """Return whether a folder is a link to one that it lies in: its images would come again."""
    return link.is_symlink() and link.parent.resolve().is_relative_to(link.resolve())


def _key(name: str) -> tuple[str, str]:
    path = PurePosixPath(name)
    return ending_of(path.stem), path.suffix.lower()


def _suspects(place: Path, names: Sequence[str]) -> set[tuple[str, str]]:
    """Return the endings and suffixes of files that have twins in the folder and may be masks."""
    files = [PurePosixPath(name) for name in names if name.lower().endswith(RASTER_SUFFIXES)]
    stems = [file.stem for file in files]
    keys = {(ending, file.suffix.lower()) for ending in twin_endings(stems) for file in files}
    twice = {stem for stem, n in Counter(stems).items() if n > 1}
    if len(twice) >= len(files) / 4 > 0:  # 1.jpg and 1.png
        keys |= {_key(file.name) for file in files if file.stem in twice}
    first = {_key(file.name): place / file.name for file in reversed(files)}
    return {key for key in keys if key in first and looks_like_mask(first[key])}


def _folders_of_masks(place: Path, folders: Sequence[str]) -> set[str]:
    """Return the folders whose files have namesakes in a neighbour, and whose first is a mask."""
    if not 2 <= len(folders) <= _MOST_NEIGHBOURS:
        return set()
    stems = {name: _raster_names(place / name) for name in folders}
    found = set()
    for name, files in stems.items():
        others = (stems[other] for other in folders if other != name)
        if (
            files
            and any(are_twins(files, other) for other in others)
            and looks_like_mask(place / name / next(iter(files.values())))
        ):
            found.add(name)
    return found


def _raster_names(folder: Path) -> dict[str, str]:
    """Return the raster files right in a folder by their stem."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  names alone
    except OSError:
        return {}
    files = (PurePosixPath(name) for name in names if not name.startswith("."))
    return {file.stem: file.name for file in files if file.suffix.lower() in RASTER_SUFFIXES}
