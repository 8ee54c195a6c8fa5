"""What cannot be had is refused at once, with the way to have it."""

import importlib.util

import pytest

from medcnn.errors import ConfigError
from medcnn.inference.settings import DicomResults
from medcnn.pacs.asked import check_identity, check_results
from medcnn.version import how_to_install


def test_a_missing_extra_is_named_with_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="needs highdicom") as caught:
        check_results(DicomResults(dicom=tmp_path / "new"))
    assert how_to_install("pacs") in str(caught.value)
    check_results(DicomResults())


def test_heat_without_a_folder_and_a_file_in_its_place_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="dicom=FOLDER beside it"):
        check_results(DicomResults(heat="grad_cam"))
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="a folder"):
        check_results(DicomResults(dicom=tmp_path / "file"))


def test_hidden_patients_are_named_only_where_it_is_asked(tmp_path):
    asked = DicomResults(dicom=tmp_path)
    check_identity(asked, [False])
    with pytest.raises(ConfigError, match="hashes its patients"):
        check_identity(asked, [False, True])
    check_identity(DicomResults(dicom=tmp_path, keep_identity=True), [True])
