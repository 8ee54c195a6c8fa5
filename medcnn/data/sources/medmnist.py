"""MedMNIST's PneumoniaMNIST and ChestMNIST: one ``.npz`` file, 28 to 224 pixels.

The file holds ``train_images`` (N×H×W uint8), ``train_labels`` (N×1, or N×14 for ChestMNIST) and
the same for ``val`` and ``test``; any of the three may be absent. The release names no patients.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medcnn.data.manifest import SPLITS, Manifest, build_manifest
from medcnn.data.sources.findings import CHESTMNIST, labelled
from medcnn.errors import DataError
from medcnn.files.arrays import ARCHIVE_ERRORS

CITATION = (
    "Yang et al., MedMNIST v2: a large-scale lightweight benchmark for 2D and 3D biomedical image "
    "classification, Scientific Data 10, 2023"
)
RULES = {
    1: "label 1 (pneumonia) is abnormal, 0 is normal",
    len(CHESTMNIST): "abnormal if any of the 14 findings is marked, normal if none is",
}


def read(root: str | Path) -> Manifest:
    """Return the manifest of a MedMNIST chest file; each path is ``FILE.npz#train_images/12``.

    Raises:
        DataError: If the file is missing, is no ``.npz``, or its arrays do not fit each other.
    """
    path = _npz_file(Path(root).expanduser())
    try:
        with np.load(path, allow_pickle=False) as arrays:
            shapes = {name: _array_shape(path, name) for name in arrays.files}
            tables = [
                _split_table(path, split, arrays, shapes)
                for split in SPLITS
                if f"{split}_images" in shapes
            ]
    except ARCHIVE_ERRORS as error:
        raise DataError(
            f"{path} is not a readable .npz file.",
            found=str(error) or type(error).__name__,
            remedy="download it again",
        ) from error
    if not tables:
        raise DataError(
            f"{path} has no images.",
            expected="any of train_images, val_images, test_images",
            found=", ".join(shapes) or "no arrays",
            remedy="give a MedMNIST file such as pneumoniamnist.npz",
        )
    table = pd.concat(tables, ignore_index=True)
    findings = int(table.pop("findings").iloc[0])
    source = "pneumoniamnist" if findings == 1 else "chestmnist"
    found = labelled(table, source, RULES[findings])
    return build_manifest(
        found.table,
        source=source,
        label_policy=found.policy,
        citation=CITATION,
        warnings=found.warnings,
    )


def _npz_file(path: Path) -> Path:
    here = sorted(path.glob("*.npz")) if path.is_dir() else []
    if len(here) == 1:
        return here[0].resolve()
    if path.is_file():
        return path.resolve()
    beside = here or sorted(path.parent.glob("*.npz"))
    raise DataError(
        f"There is no MedMNIST file {path}.",
        expected="one .npz file, or a folder with exactly one",
        found=", ".join(p.name for p in beside[:8]) or "no .npz file",
        remedy="give the file as data.root=FILE.npz",
    )


def _array_shape(path: Path, name: str) -> tuple[int, ...]:
    # The header alone: the images of a 224-pixel release would fill gigabytes of memory.
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        reader = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        return tuple(reader(file)[0])


def _split_table(
    path: Path,
    split: str,
    arrays: Mapping[str, NDArray[np.generic]],
    shapes: dict[str, tuple[int, ...]],
) -> pd.DataFrame:
    images, labels = shapes[f"{split}_images"], shapes.get(f"{split}_labels", ())
    if len(images) not in (3, 4) or len(labels) != 2 or images[0] != labels[0]:
        raise DataError(
            f"The {split} arrays of {path} do not fit each other.",
            expected="images N×H×W and labels N×1 (pneumonia) or N×14 (chest)",
            found=f"images {images}, labels {labels or 'absent'}",
            remedy="download the file again",
        )
    if labels[1] not in RULES:
        raise DataError(
            f"{path} is not one of MedMNIST's chest X-ray sets.",
            expected="1 label an image (PneumoniaMNIST) or 14 (ChestMNIST)",
            found=f"{labels[1]} labels an image",
            remedy="give pneumoniamnist*.npz or chestmnist*.npz",
        )
    marked = np.asarray(arrays[f"{split}_labels"])
    table = pd.DataFrame({"image_id": [f"{split}_{i:06d}" for i in range(len(marked))]})
    table["path"] = [f"{path}#{split}_images/{i}" for i in range(len(marked))]
    table["label"] = marked[:, 0] if marked.shape[1] == 1 else (marked != 0).any(axis=1).astype(int)
    table["split"] = split
    table["finding"] = _finding_names(marked)
    table["findings"] = marked.shape[1]
    return table


def _finding_names(marked: NDArray[np.generic]) -> list[str]:
    names = ("pneumonia",) if marked.shape[1] == 1 else CHESTMNIST
    return ["|".join(n for n, m in zip(names, row, strict=True) if m) for row in marked != 0]
