"""Each fault of the list, in a file of its own."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset

from medcnn.io.conformance.example import encode, file_of, image_dataset
from medcnn.io.doctor import SEVERITIES, examine

SIZE = 256


def chest():
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    lungs = sum(
        np.exp(-(((x - centre) / 0.11) ** 2 + ((y - 0.47) / 0.25) ** 2)) for centre in (0.28, 0.72)
    )
    return (3000 - 2000 * lungs).astype(np.uint16)


def kinds(tmp_path, content, name="a.dcm"):
    path = tmp_path / name
    path.write_bytes(content)
    examined = examine(path)
    for finding in examined.findings:
        assert finding.severity in SEVERITIES
        assert finding.problem
        assert finding.remedy
    return {finding.kind for finding in examined.findings}


def code(value):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", "view"
    return [item]


def test_a_good_file_has_no_findings(tmp_path):
    assert kinds(tmp_path, file_of(chest())) == set()


@pytest.mark.parametrize(
    ("elements", "kind"),
    [
        ({"Modality": "CT"}, "wrong_modality"),
        ({"Modality": "OT"}, "unknown_modality"),
        ({"BodyPartExamined": "HAND"}, "wrong_body_part"),
        ({"BodyPartExamined": ""}, "unknown_body_part"),
        ({"ViewPosition": "LL"}, "lateral_view"),
        ({"ViewPosition": "RLO"}, "other_view"),
        ({"ViewPosition": ""}, "unknown_view"),
        ({"ViewPosition": "", "ViewCodeSequence": code("399173006")}, "lateral_view"),
        ({"ViewPosition": "", "PatientOrientation": ["A", "F"]}, "lateral_view"),
        ({"PixelData": None}, "no_pixels"),
        ({"PatientName": "Doe^Jane"}, "identifying_tags"),
        ({"BurnedInAnnotation": "YES"}, "burned_in_annotation"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "inverted"),
        ({"WindowCenter": 1, "WindowWidth": 0}, "window"),
        ({"BitsStored": 99}, "bits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_one_fault_is_one_finding(tmp_path, elements, kind):
    assert kinds(tmp_path, file_of(chest(), **elements)) == {kind}


@pytest.mark.parametrize("view", ["AP", "PA"])
def test_frontal_views_are_right(tmp_path, view):
    assert kinds(tmp_path, file_of(chest(), ViewPosition=view)) == set()


def test_a_frontal_view_code_is_enough(tmp_path):
    content = file_of(chest(), ViewPosition="", ViewCodeSequence=code("399348003"))
    assert kinds(tmp_path, content) == set()


def test_a_truncated_file_is_named_so(tmp_path):
    assert "truncated" in kinds(tmp_path, file_of(chest())[:-5000])


def test_text_in_the_pixels_is_found(tmp_path):
    canvas = cv2.resize((chest() // 16).astype(np.uint8), (512, 512))
    canvas[:60] = 20
    cv2.putText(canvas, "DOE JANE 1950", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1)
    assert "text_burned_in" in kinds(tmp_path, file_of(canvas, bits=8))


def test_text_on_a_blank_image_is_found_too(tmp_path):
    canvas = np.full((600, 600), 60, np.uint8)
    cv2.putText(canvas, "DOE JANE 1950", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1)
    assert {"blank", "text_burned_in"} <= kinds(tmp_path, file_of(canvas, bits=8))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.dcm")
    found = examine(tmp_path / "a.dcm")
    assert (found.readable, [item.kind for item in found.findings]) == (False, ["not_an_image"])


def test_a_folder_comes_here_only_if_it_cannot_be_read(tmp_path):
    found = examine(tmp_path)
    assert (found.readable, [item.kind for item in found.findings]) == (
        False,
        ["unreadable_folder"],
    )


def test_a_blank_image_is_only_blank(tmp_path):
    assert kinds(tmp_path, file_of(np.full((SIZE, SIZE), 7, np.uint16))) == {"blank"}


def test_a_thumbnail_is_small(tmp_path):
    assert kinds(tmp_path, file_of(chest()[::2, ::2])) == {"small"}


def test_private_elements_are_pointed_at(tmp_path):
    dataset = image_dataset(chest())
    dataset.private_block(0x0099, "MAKER", create=True).add_new(1, "LO", "Doe^Jane")
    assert kinds(tmp_path, encode(dataset)) == {"private_tags"}


def test_pseudonyms_of_de_identified_files_are_no_names(tmp_path):
    elements = {"PatientName": "X17", "PatientID": "X17", "PatientIdentityRemoved": "YES"}
    assert kinds(tmp_path, file_of(chest(), **elements)) == set()


def test_keywords_are_named_and_values_are_not(tmp_path):
    item = Dataset()
    item.PersonName = "Secret^Nurse"
    elements = {"PatientName": "Secret^Person", "PatientBirthDate": "19500102"}
    dataset = image_dataset(chest(), **elements, AuthorObserverSequence=[item])
    (tmp_path / "a.dcm").write_bytes(encode(dataset))
    (finding,) = examine(tmp_path / "a.dcm").findings
    assert finding.details == ("PatientName", "PatientBirthDate", "PersonName")
    assert "Secret" not in repr(finding)
    assert "1950" not in repr(finding)


@pytest.mark.parametrize(
    ("folder", "name", "details"),
    [
        ("Müller", "a.dcm", ("PatientName",)),
        ("x", "MULLER_19500102.dcm", ("PatientName", "PatientBirthDate")),
        ("normal", "Jo_4711.dcm", ()),
        ("MRN-normal-3", "1.dcm", ("PatientID",)),
    ],
)
def test_names_of_files_and_folders_that_repeat_tags(tmp_path, folder, name, details):
    elements = {
        "PatientName": "Müller^Jo",
        "PatientBirthDate": "19500102",
        "PatientID": "MRN-normal-3",
    }
    path = tmp_path / folder / name
    path.parent.mkdir()
    path.write_bytes(file_of(chest(), SpecificCharacterSet="ISO_IR 192", **elements))
    found = {item.kind: item for item in examine(path, tmp_path).findings}
    assert found["telling_name"].details == details if details else "telling_name" not in found


def test_a_name_within_a_sequence_is_found_too(tmp_path):
    item = Dataset()
    item.PatientName = "Doe^Jane"
    dataset = image_dataset(chest(), ReferencedPatientSequence=[item])
    assert kinds(tmp_path, encode(dataset)) == {"identifying_tags"}


def test_a_name_in_a_foreign_encoding_is_an_error(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/R\xf6ntgen.dcm"))
    path.write_bytes(file_of(chest()))
    found = examine(path)
    assert found.readable
    assert [(item.severity, item.kind) for item in found.findings] == [("error", "name_not_text")]


@pytest.mark.parametrize(
    ("name", "severity"), [("notes.txt", "note"), ("a.png", "error"), ("a.dcm", "error")]
)
def test_what_is_no_image_matters_only_if_it_is_named_like_one(tmp_path, name, severity):
    (tmp_path / name).write_bytes(b"some text that is no image at all")
    (finding,) = examine(tmp_path / name).findings
    assert (finding.kind, finding.severity) == ("not_an_image", severity)


def test_a_missing_decoder_is_named_with_the_cure(tmp_path):
    from medcnn.io.conformance.syntax_cases import CASES

    case = next(case for case in CASES if case.name == "JPEG Lossless SV1 (process 14)")
    (tmp_path / "a.dcm").write_bytes(case.make())
    code = (
        "import sys; sys.modules['pylibjpeg'] = None; from pathlib import Path;"
        "from medcnn.io.doctor import examine;"
        "print([(f.kind, f.remedy) for f in examine(Path(sys.argv[1])).findings])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.dcm")],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])},
        check=True,
    )
    assert "('missing_decoder', \"pip install -e '.[dicom]' in" in done.stdout
