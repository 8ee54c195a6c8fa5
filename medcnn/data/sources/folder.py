"""Any folder of DICOM, PNG, JPEG, TIFF or BMP files with one sub-folder per class.

A level ``train/ val/ test/`` above the classes is optional. DICOM headers are read for the patient,
the study, the view, sex and age; a raster file counts as its own patient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from medcnn.data.left_out import BESIDE, beside_splits, left_out_notice, without_classes
from medcnn.data.manifest import Manifest
from medcnn.data.sources.class_names import ABNORMAL_NAMES, NORMAL_NAMES, class_key, class_labels
from medcnn.data.sources.completion import complete_manifest
from medcnn.data.sources.layout import check_names, release_folder, sub_folders
from medcnn.errors import DataError
from medcnn.io.choice import counted, images_below
from medcnn.notices import Notice

EXPECTED = "one sub-folder per class (such as normal/ and abnormal/), with or without train/ above"
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_MOST_WRAPPED = 3


def read(
    root: str | Path,
    normal: Sequence[str] = (),
    abnormal: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Manifest:
    """Return the manifest of a folder of class folders.

    A folder that an archive wrapped around them is entered. Masks, images beside the class folders,
    and whatever is no image are left out and counted.

    Args:
        root: The folder.
        normal: Names of class folders that are normal, beside the well-known ones.
        abnormal: Names of class folders that are abnormal, beside the well-known ones.
        exclude: Patterns of paths to leave out; what they match is not asked for its class.

    Raises:
        DataError: If the folder is missing, has no class folders, a class name means neither normal
            nor abnormal, or a class has no images.
    """
    folder = release_folder(root, "folder", EXPECTED, unwrap=False)
    images, left_out = images_below(folder, exclude)
    check_names(images)
    folder, found = _placed(folder, images, {*map(class_key, (*normal, *abnormal))})
    left_out.update(image.reason for image in found if image.reason)
    classes = dict.fromkeys(image.class_name for image in found if not image.reason)
    names = [*classes, *_empty_classes(folder, classes)]
    _check_two(folder, names, left_out)
    meaning = class_labels(names, normal, abnormal)
    _check_filled(folder, names, classes)
    rows = [_row(folder, image, meaning[image.class_name]) for image in found if not image.reason]
    abnormal_names = sorted(name for name, label in meaning.items() if label)
    normal_names = sorted(name for name, label in meaning.items() if not label)
    return complete_manifest(
        pd.DataFrame(rows),
        source="folder",
        label_policy=f"class folders {', '.join(abnormal_names)} are abnormal, "
        f"{', '.join(normal_names)} normal",
        warnings=_told(found, left_out),
        left_out=left_out,
    )


class _Image(NamedTuple):
    """An image and what its folders say, or why it is left out."""

    path: Path
    split: str
    class_name: str
    reason: str = ""
    stray: str = ""


def _placed(folder: Path, images: Sequence[Path], said: set[str]) -> tuple[Path, list[_Image]]:
    """Return the folder of the classes or splits, and every image in its place below it."""
    known = {*NORMAL_NAMES, *ABNORMAL_NAMES, *said}
    for _ in range(_MOST_WRAPPED):
        inner = _wrapper(folder, images, {*known, *SPLIT_NAMES})
        if inner is None:
            break
        folder = inner
    tops = [path.relative_to(folder).parts[0] for path in images]
    splits = {top for top in tops if top.lower() in SPLIT_NAMES and (folder / top).is_dir()}
    found = []
    for top in dict.fromkeys(tops):
        here = [path for path, name in zip(images, tops, strict=True) if name == top]
        if splits and top not in splits:
            stray = top if (folder / top).is_dir() else ""
            reason = beside_splits(top) if stray else BESIDE
            found += [_Image(path, "", "", reason, stray) for path in here]
        elif splits:
            found += _of_split(folder / top, here, SPLIT_NAMES[top.lower()], known)
        else:
            found += [_in_class(folder, path, "") for path in here]
    return folder, found


def _wrapper(folder: Path, images: Sequence[Path], known: set[str]) -> Path | None:
    """Return the one folder that all images lie in, unless it is a class or split, or holds no more."""
    parts = [path.relative_to(folder).parts for path in images]
    names = {each[0] for each in parts}
    if len(names) != 1 or not any(len(each) > 2 for each in parts):
        return None
    (name,) = names
    return None if class_key(name) in known else folder / name


def _of_split(place: Path, images: Sequence[Path], split: str, known: set[str]) -> list[_Image]:
    inner = _wrapper(place, images, known) or place
    found = [_in_class(inner, path, split) for path in images]
    if all(image.reason for image in found):
        return [image._replace(reason=without_classes(place.name)) for image in found]
    return found


def _in_class(place: Path, path: Path, split: str) -> _Image:
    parts = path.relative_to(place).parts
    return _Image(path, split, parts[0]) if len(parts) > 1 else _Image(path, split, "", BESIDE)


def _row(root: Path, image: _Image, label: int) -> dict[str, object]:
    return {
        "image_id": image.path.relative_to(root).as_posix(),
        "path": str(image.path),
        "label": label,
        "split": image.split,
        "finding": "" if label == 0 else image.class_name,
    }


def _told(found: Sequence[_Image], left_out: Counter[str]) -> list[Notice]:
    strays = dict.fromkeys(image.stray for image in found if image.stray)
    told = [Notice("strays", source="folder", names=list(strays))] if strays else []
    kept = sum(not image.reason for image in found)
    return [*told, *left_out_notice("folder", left_out, kept)]


def _empty_classes(folder: Path, classes: Iterable[str]) -> list[str]:
    """Return folders without an image that are named like a class: a download may have failed."""
    splits = {
        folder / path.name for path in sub_folders(folder) if path.name.lower() in SPLIT_NAMES
    }
    known = {*NORMAL_NAMES, *ABNORMAL_NAMES}
    used = {class_key(name) for name in classes}
    names = (path.name for place in splits or {folder} for path in sub_folders(place))
    return [name for name in dict.fromkeys(names) if class_key(name) in known - used]


def _check_two(folder: Path, names: Sequence[str], left_out: Counter[str]) -> None:
    if len(names) < 2:
        found = f"the sub-folder {names[0]} only" if names else "no class folders with images"
        raise DataError(
            f"{folder} does not hold one sub-folder per class.",
            expected=EXPECTED,
            found=found + (f"; left out: {counted(left_out)}" if left_out else ""),
            remedy="sort the images into class folders, or write a manifest and use data=manifest",
        )


def _check_filled(folder: Path, names: Iterable[str], classes: Container[str]) -> None:
    for name in names:
        if name not in classes:
            place = next(path for path in folder.rglob(name) if path.is_dir())
            raise DataError(
                f"The class folder {place} has no images.",
                expected="DICOM, PNG, JPEG, TIFF or BMP files",
                found=f"{sum(p.is_file() for p in place.rglob('*'))} other files",
                remedy="remove the folder or fill it",
            )
