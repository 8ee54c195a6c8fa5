from __future__ import annotations

from pathlib import Path

import pytest

from medcnn.data.sources.siim import read
from medcnn.errors import DataError

# The release writes ages without a unit, which pydicom remarks on.
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR AS")


def imitation(
    root: Path, write_dicom, images: int = 6, header: str = "ImageId, EncodedPixels"
) -> Path:
    """Write the challenge as Google Cloud released it; every third image has two outlines."""
    lines = [header]
    for i in range(images):
        uid = f"1.2.276.0.7230010.3.1.4.8323329.{i}.1517875161"
        place = root / "dicom-images-train" / f"{uid}.1" / f"{uid}.2" / f"{uid}.dcm"
        facts = {"PatientAge": str(20 + i), "PatientSex": "F", "ViewPosition": "PA"}
        write_dicom(place, PatientID=f"patient-{i // 2}", StudyInstanceUID=f"{uid}.1", **facts)
        lines += [f"{uid}, -1"] if i % 3 else [f"{uid}, 557374 2 1015 8", f"{uid}, 614360 1 1023 1"]
    (root / "train-rle.csv").write_text("\n".join(lines))
    return root


def test_manifest(tmp_path, write_dicom):
    manifest = read(imitation(tmp_path, write_dicom))
    rows = manifest.table
    assert rows["label"].tolist() == [1, 0, 0] * 2
    assert rows["outlines"].tolist() == [2, 0, 0] * 2
    assert rows["finding"].tolist() == ["Pneumothorax", "", ""] * 2
    assert rows["patient_id"].tolist() == [f"patient-{i // 2}" for i in range(6)]
    assert rows[["view", "sex", "age"]].iloc[0].tolist() == ["PA", "F", 20.0]
    assert "label 0 is not a normal chest" in manifest.warnings[0]


def test_kaggles_second_stage(tmp_path, write_dicom):
    imitation(tmp_path, write_dicom, header="ImageId,EncodedPixels")
    (tmp_path / "train-rle.csv").rename(tmp_path / "stage_2_train.csv")
    assert len(read(tmp_path)) == 6


def test_faults(tmp_path, write_dicom):
    imitation(tmp_path, write_dicom, header="ImageId,Pixels")
    with pytest.raises(DataError, match="lacks the column 'EncodedPixels'"):
        read(tmp_path)
    (tmp_path / "train-rle.csv").unlink()
    with pytest.raises(DataError, match=r"siim lacks a table: there is no train-rle\.csv"):
        read(tmp_path)


def test_a_release_that_is_kept_as_png_is_read_by_its_stems(tmp_path, write_dicom, as_png):
    manifest = read(as_png(imitation(tmp_path, write_dicom)))
    assert manifest.table["label"].tolist() == [1, 0, 0] * 2
    assert manifest.table["path"].str.endswith(".png").all()
