"""A name, a birth date and a hospital number go in; nothing of them comes out."""

import io
import logging

import numpy as np
import pandas as pd
import pydicom
import pytest

import medcnn
from medcnn.cli import run
from medcnn.errors import ImageError
from medcnn.io import read_image
from medcnn.io.conformance.example import encode, file_of, image_dataset
from medcnn.io.identifiers import VARIABLE, pseudonym

SALT = "a salt of some length"
SECRETS = ("Zyzzyva", "Quintilla", "19370521", "MRN-0098", "Saint Elsewhere", "Ordway")
SIZE = 48


def chest(index, label):
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    lungs = sum(np.exp(-(((x - c) / 0.11) ** 2 + ((y - 0.5) / 0.25) ** 2)) for c in (0.28, 0.72))
    spot = label * np.exp(-(((x - 0.3) / 0.08) ** 2 + ((y - 0.5) / 0.08) ** 2))
    noise = np.random.default_rng(index).normal(0, 60, x.shape)
    return np.clip(3000 - 2000 * lungs + 1500 * spot + noise, 0, 4095).astype(np.uint16)


def identified(index, label, **elements):
    facts = {
        "PatientName": f"Zyzzyva^Quintilla{index}",
        "PatientID": f"MRN-0098{index:03}",
        "PatientBirthDate": "19370521",
        "PatientSex": "FM"[index % 2],
        "PatientAge": f"{40 + index:03}Y",
        "StudyInstanceUID": f"1.2.826.0.1.3680043.8.498.{index + 1}",
        "InstitutionName": "Saint Elsewhere",
        "ReferringPhysicianName": "Ordway^John",
        "ImageComments": "Quintilla Zyzzyva, born 19370521",
    }
    return image_dataset(chest(index, label), **facts, **elements)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """Return a folder of identified DICOM files, some of them broken."""
    root = tmp_path_factory.mktemp("hospital")
    for label, name in enumerate(("normal", "abnormal")):
        (root / name).mkdir()
        for number in range(20):
            content = encode(identified(40 * label + number, label))
            (root / name / f"{number}.dcm").write_bytes(content)
        cut = encode(identified(40 * label + 30, label))[:-900]
        (root / name / "cut.dcm").write_bytes(cut)
        odd = encode(identified(40 * label + 31, label, BitsStored=99))
        (root / name / "odd.dcm").write_bytes(odd)
    return root


def leaks(folder, said="", secrets=SECRETS):
    """Return what of the secrets stands in any file below a folder, or was said."""
    found = [(secret, "said") for secret in secrets if secret in said]
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        names = [text for text in secrets if text.encode() in content or text in path.name]
        found += [(text, path.name) for text in names]
    return found


def test_training_prediction_and_the_doctor_leave_nothing_of_it(
    hospital, tmp_path, monkeypatch, capfd, caplog
):
    monkeypatch.setenv(VARIABLE, SALT)
    monkeypatch.setenv("MEDCNN_CACHE", str(tmp_path / "cache"))
    caplog.set_level(logging.DEBUG)
    trained = medcnn.train([
        "experiment=xray_resnet",
        "data=folder",
        f"data.root={hospital}",
        "data.hash_patients=true",
        "data.audit=warn",
        "data.image_size=32",
        "data.batch_size=8",
        "data.num_workers=0",
        "model=tiny_resnet",
        "trainer.max_epochs=1",
        "out_of_distribution=null",
        "refer=null",
        "alpha=null",
        "logger=none",
        f"run_dir={tmp_path / 'run'}",
    ]).paths  # fmt: skip
    table = tmp_path / "predictions.csv"
    assert run("predict", [f"run={trained.path}", f"input={hospital}", f"output={table}"]) == 0
    assert run("doctor", [str(hospital), f"output={tmp_path / 'doctor.json'}"]) == 0
    said = "".join(capfd.readouterr()) + caplog.text
    assert "identifying tags: PatientName" in said
    assert leaks(tmp_path, said) == []
    manifest = pd.read_csv(trained.manifest, dtype=str)
    assert set(manifest["patient_id"]) == {
        pseudonym(f"MRN-0098{40 * label + number:03}", SALT)
        for label in (0, 1)
        for number in (*range(20), 31)  # odd.dcm is read by what it holds
    }
    predicted = pd.read_csv(table, dtype=str).set_index("image_id")
    assert predicted.loc["normal/3.dcm", "patient_id"] == pseudonym("MRN-0098003", SALT)


def test_without_hashing_the_patient_id_is_all_that_is_kept(hospital):
    from medcnn.data.sources.folder import read

    manifest = read(hospital)
    text = manifest.table.to_csv() + repr(manifest)
    assert "MRN-0098003" in text
    assert [word for word in SECRETS if not word.startswith("MRN") and word in text] == []


@pytest.mark.parametrize("keyword", ["PatientAge", "WindowCenter", "NumberOfFrames", "Rows"])
def test_an_odd_value_is_not_quoted(tmp_path, keyword, capfd, caplog):
    """A name in the wrong field is what a slip at the console leaves."""
    content = file_of(chest(0, 0), PatientComments="X" * 9)
    dataset = pydicom.dcmread(io.BytesIO(content))
    with pydicom.config.disable_value_validation():
        dataset.add_new(keyword, "LO", "Zyzzyva Quintilla")
    (tmp_path / "a.dcm").write_bytes(encode(dataset))
    said = ""
    try:
        image = read_image(tmp_path / "a.dcm")
        said = repr(image.facts)
    except ImageError as error:
        said = f"{error} {error.expected} {error.found}"
    assert "Zyzzyva" not in said + "".join(capfd.readouterr()) + caplog.text
