from __future__ import annotations

import numpy as np
import pytest

from medcnn.data.sources.medmnist import read
from medcnn.errors import DataError


def imitation(path, findings=1, splits=("train", "val", "test"), n=8, size=28):
    rng = np.random.default_rng(0)
    arrays = {}
    for split in splits:
        arrays[f"{split}_images"] = rng.integers(0, 255, (n, size, size), dtype=np.uint8)
        labels = np.zeros((n, findings), np.uint8)
        labels[::2, 0] = 1
        labels[0, -1] = 1
        arrays[f"{split}_labels"] = labels
    np.savez_compressed(path, **arrays)
    return path


def test_pneumonia_mnist(tmp_path):
    path = imitation(tmp_path / "pneumoniamnist.npz")
    manifest = read(path)
    assert manifest.source == "pneumoniamnist"
    assert manifest.table["split"].value_counts().to_dict() == {"train": 8, "val": 8, "test": 8}
    assert manifest.table["path"].iloc[9] == f"{path}#val_images/1"
    assert manifest.table["label"].tolist() == [1, 0] * 12
    assert "images name no patient" in manifest.warnings[-1]


def test_chest_mnist_is_abnormal_with_any_finding(tmp_path):
    imitation(tmp_path / "chestmnist_64.npz", findings=14, size=64)
    manifest = read(tmp_path)
    assert manifest.source == "chestmnist"
    assert manifest.table["finding"].iloc[0] == "atelectasis|hernia"
    assert manifest.table["finding"].iloc[1] == ""
    assert manifest.table["label"].tolist() == [1, 0] * 12


def test_the_test_split_may_be_absent(tmp_path):
    manifest = read(imitation(tmp_path / "a.npz", splits=("train", "val")))
    assert set(manifest.table["split"]) == {"train", "val"}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"train_images": np.zeros((3, 8, 8))}, "do not fit each other"),
        (
            {"train_images": np.zeros((3, 8, 8)), "train_labels": np.zeros((2, 1))},
            r"images \(3, 8, 8\), labels \(2, 1\)",
        ),
        (
            {"train_images": np.zeros((3, 8, 8)), "train_labels": np.zeros((3, 7))},
            "7 labels an image",
        ),
        ({"other": np.zeros(3)}, "has no images"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.npz")


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        read(tmp_path / "a.npz")


def test_a_damaged_download(tmp_path):
    labels = np.random.default_rng(0).integers(0, 2, (900, 1))
    images = np.zeros((900, 2, 2), np.uint8)
    np.savez_compressed(tmp_path / "a.npz", train_images=images, train_labels=labels)
    content = (tmp_path / "a.npz").read_bytes()
    middle = content.index(b"train_labels") + 120
    (tmp_path / "a.npz").write_bytes(content[:middle] + b"\xff" * 30 + content[middle + 30 :])
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        read(tmp_path / "a.npz")


def test_a_missing_file_lists_its_neighbours(tmp_path):
    imitation(tmp_path / "pneumoniamnist.npz")
    with pytest.raises(DataError, match=r"found: pneumoniamnist\.npz"):
        read(tmp_path / "pneumonia.npz")


def test_the_real_file(real_data):
    table = read(real_data / "pneumoniamnist" / "pneumoniamnist_trainval.npz").table
    assert table["split"].value_counts().to_dict() == {"train": 4708, "val": 524}
    with np.load(real_data / "pneumoniamnist" / "pneumoniamnist_trainval.npz") as arrays:
        assert table["label"].sum() == arrays["train_labels"].sum() + arrays["val_labels"].sum()
