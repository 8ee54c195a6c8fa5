"""Results of the command: every file has its report or a reason, and nobody is named unasked."""

from dataclasses import replace

import cv2
import numpy as np
import pydicom
import pytest
import yaml

import medcnn
from medcnn.calibration.settings import Safeguards
from medcnn.errors import ConfigError
from medcnn.inference.folder import assembled
from medcnn.inference.settings import Predict
from medcnn.pacs.results import judge_of


@pytest.fixture(scope="module")
def run(made_run):
    return made_run()


@pytest.fixture(scope="module")
def folder(images, make_image, tmp_path_factory):
    folder = tmp_path_factory.mktemp("input")
    for name in ("plain", "monochrome1"):
        (folder / f"{name}.dcm").write_bytes((images / f"{name}.dcm").read_bytes())
    (folder / "twin.dcm").write_bytes((images / "plain.dcm").read_bytes())
    colour = make_image(stored=np.full((40, 40, 3), 90, np.uint8), bits=8, uid="1.2.3.9")
    (folder / "colour.dcm").write_bytes(colour)
    cv2.imwrite(str(folder / "picture.png"), np.full((40, 40), 90, np.uint8))
    (folder / "torn.dcm").write_bytes((images / "plain.dcm").read_bytes()[:900])
    return folder


def predict(run, folder, output, *more):
    given = [f"run={run.path}", f"input={folder}", f"output={output / 'o.csv'}"]
    return medcnn.predict([*given, f"dicom={output / 'dicom'}", *more]).set_index("image_id")


def test_every_file_has_a_report_or_a_reason_and_repeating_changes_no_byte(
    run, folder, errors_of, tmp_path, capfd
):
    table = predict(run, folder, tmp_path, "refer=10%")
    made = table["dicom_result"].dropna()
    assert set(made.index) == {"plain.dcm", "monochrome1.dcm"}
    why = table["dicom_left_out"].dropna()
    assert why["colour.dcm"] == "it is a colour image"
    assert why["picture.png"] == "it is no DICOM file"
    assert why["torn.dcm"] == "there is no prediction"
    assert why["twin.dcm"] == "another file has the same SOP Instance UID"
    before = {path.name: path.read_bytes() for path in (tmp_path / "dicom").iterdir()}
    assert set(before) == set(made)
    for name in made:
        assert errors_of(tmp_path / "dicom" / name) == []
    report = pydicom.dcmread(tmp_path / "dicom" / made["plain.dcm"])
    assert f"{table.loc['plain.dcm', 'p_abnormal']:.4f}".rstrip("0") in str(report)
    predict(run, folder, tmp_path, "refer=10%")
    assert {path.name: path.read_bytes() for path in (tmp_path / "dicom").iterdir()} == before
    assert "Doe" not in "".join(capfd.readouterr())


def test_another_way_of_deciding_is_another_judge(run):
    how = assembled([run], Predict())
    same = judge_of("made", how.panel, {**how.identity, "input": "elsewhere"}, how.decision)
    judge = judge_of("made", how.panel, how.identity, how.decision)
    assert same == judge
    referring = replace(how.decision, asked=Safeguards(refer="10%"))
    others = [judge_of("made", how.panel, how.identity, referring).digest]
    others.append(judge_of("other", how.panel, how.identity, how.decision).digest)
    others.append(judge_of("made", how.panel, {**how.identity, "passes": 2}, how.decision).digest)
    assert len({judge.digest, *others}) == 4


def test_a_run_that_hides_its_patients_names_none_unasked(made_run, folder, errors_of, tmp_path):
    run = made_run()
    settings = yaml.safe_load(run.config.read_text())
    settings["data"]["hash_patients"] = True
    run.config.write_text(yaml.safe_dump(settings))
    with pytest.raises(ConfigError, match="keep_identity=true"):
        predict(run, folder, tmp_path)
    assert not (tmp_path / "dicom").exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCNN_SALT", "a salt of some length")
        asked = ("keep_identity=true", "heat=grad_cam")
        table = predict(run, folder / "monochrome1.dcm", tmp_path, *asked)
    assert table["patient_id"].iloc[0] != "MRN1"
    report = tmp_path / "dicom" / table["dicom_result"].iloc[0]
    assert pydicom.dcmread(report).PatientID == "MRN1"
    made = {pydicom.dcmread(path).Modality: path for path in report.parent.iterdir()}
    assert set(made) == {"SR", "OT", "PR"}
    assert [errors_of(path) for path in made.values()] == [[]] * 3
