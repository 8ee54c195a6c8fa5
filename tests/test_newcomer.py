"""A stranger who has README alone, and images of his own, comes to a report in his first try."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pydicom
import pytest

from medcnn.cli import run
from medcnn.data.sources.phantom.generate import read
from medcnn.evaluation.results import read_results

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
QUICK = ["model=tiny_resnet", "model.widths=[8,16]", "data.image_size=32", "trainer.max_epochs=1"]
"""What a test adds so as not to take minutes; nothing of it says anything of the data."""


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Return 60 DICOM files in a folder for each class, and their names with what they show."""
    folder = tmp_path_factory.mktemp("hospital")
    table = read(folder / "made", n_images=60, size=64, prevalence=0.5, seed=3).table
    shown = []
    for place, (path, label) in enumerate(zip(table["path"], table["label"], strict=True)):
        name = Path("scans", "Pneumonia" if label else "Normal", f"{place:04}.dcm")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Path(path).rename(folder / name)
        shown.append((name.relative_to("scans").as_posix(), label))
    return folder, shown


def printed(source):
    """Return the command of README on a source of one's own, as its reader types it."""
    (line,) = re.findall(rf"^    python (train\.py data={source} .+)$", README, re.MULTILINE)
    return shlex.split(line)[1:]


def test_a_folder_of_dicom(scans, monkeypatch, capsys):
    folder, shown = scans
    monkeypatch.chdir(folder)
    given = [text.replace("PATH", "scans") for text in printed("folder")]
    assert run("train", [*given, *QUICK, "run_dir=first"]) == 0, capsys.readouterr().err
    assert (folder / "first" / "report.html").is_file()
    results = read_results(folder / "first" / "results.json")
    assert results.n_patients < len(shown)  # of the headers: some have several images
    assert (
        "labels       class folders Pneumonia are abnormal, Normal normal"
        in capsys.readouterr().out
    )


def test_a_table_with_semicolons_words_and_no_patients(scans, monkeypatch, capsys):
    folder, shown = scans
    monkeypatch.chdir(folder)
    words = {0: "No Finding", 1: "Pneumonia | Effusion"}
    rows = [f"{name};{words[label]};7,5" for name, label in shown]
    (folder / "liste.csv").write_text("\r\n".join(["Bild;Diagnose Röntgen;Dosis", *rows]), "cp1252")
    stand_ins = {"FILE.csv": "liste.csv", "PATH": "scans", "=File": "=Bild"}
    stand_ins["=Diagnosis"] = "=Diagnose Röntgen"
    given = printed("manifest")
    for word, own in stand_ins.items():
        given = [text.replace(word, own) for text in given]
    assert run("train", [*given, *QUICK, "run_dir=second"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    understood = "liste.csv: path from 'Bild', label from 'Diagnose Röntgen', patient_id from DICOM"
    assert understood in said
    results = read_results(folder / "second" / "results.json")
    patient = pydicom.dcmread(folder / "scans" / shown[0][0], stop_before_pixels=True).PatientID
    manifest = (folder / "second" / "manifest.csv").read_text(encoding="utf-8")
    assert f",{patient}," in manifest
    assert results.sensitivity.ci is not None
    assert "Traceback" not in said
    assert (folder / "second" / "report.html").stat().st_size > 50_000
