import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import safetensors.torch
import yaml

import medcnn
from medcnn.cli import run
from medcnn.exporting import proof
from medcnn.inference.loading import load_model
from medcnn.run.directory import RunDir
from medcnn.run.hashes import hashes_of


def test_everything_is_there_and_summed(exported):
    named = {path.name for path in exported.iterdir()}
    assert named >= {"README.md", "config.json", "model.safetensors", "model.onnx", "golden"}
    assert named >= {"predict_onnx.py", "read_dicom.py", "SHA256SUMS", "out_of_distribution.npz"}
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=exported, check=False)
    assert done.returncode == 0
    listed = (exported / "SHA256SUMS").read_text().splitlines()
    assert len(listed) == sum(path.is_file() for path in exported.rglob("*")) - 1


def test_nothing_is_pickled_and_nothing_names_the_lab(exported, lab):
    folders = {str(lab.path), str(Path(pd.read_csv(lab.manifest)["path"][0]).parent)}
    for path in filter(Path.is_file, exported.rglob("*")):
        content = path.read_bytes()
        assert not any(folder.encode() in content for folder in folders), path
        if zipfile.is_zipfile(path):
            assert all(name.endswith(".npy") for name in zipfile.ZipFile(path).namelist())
        assert b"\x80\x02}" not in content[:64], path
    val = pd.read_csv(exported / "predictions" / "val.csv")
    own = pd.read_csv(lab.predictions("val"))
    assert not set(val["patient_id"]) & set(own["patient_id"])
    assert not set(val["image_id"]) & set(own["image_id"])


def test_the_card_holds_every_number_with_its_interval(exported, lab):
    _, front, text = (exported / "README.md").read_text().split("---\n", 2)
    results = json.loads(lab.results.read_text())
    (index,) = yaml.safe_load(front)["model-index"]
    metrics = {each["type"]: each for each in index["results"][0]["metrics"]}
    for name in ("auroc", "sensitivity", "specificity", "average_precision"):
        assert metrics[name]["value"] == pytest.approx(results[name]["value"])
        assert metrics[name]["args"]["ci"] == pytest.approx(results[name]["ci"])
        low, high = results[name]["ci"]
        assert f"{low:.4f} to {high:.4f}" in text


def test_the_weights_are_those_of_the_checkpoint(exported, lab):
    state = safetensors.torch.load_file(exported / "model.safetensors")
    network = load_model(lab).network.state_dict()
    for name, value in network.items():
        assert state[f"network.{name}"].equal(value)


def test_the_graph_takes_any_number_of_images(exported):
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    (given,) = session.get_inputs()
    assert (given.type, given.shape[1:]) == ("tensor(uint8)", [1, 32, 32])
    images = np.random.default_rng(0).integers(0, 256, (7, 1, 32, 32), dtype=np.uint8)
    logit, p, features = session.run(None, {given.name: images})
    assert (logit.shape, p.shape, features.shape) == ((7,), (7,), (7, 16))
    alone = session.run(None, {given.name: images[3:4]})[0]
    np.testing.assert_allclose(alone, logit[3:4], rtol=0, atol=1e-5)


def test_an_export_answers_every_file_as_the_run_does(exported, lab, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(exported / "golden", images, ignore=shutil.ignore_patterns("*.npy"))
    (images / "torn.dcm").write_bytes((images / "2_voi_lut.dcm").read_bytes()[:9000])
    given = [f"input={images}", "alpha=0.2", "refer=20%"]
    ours = medcnn.predict([f"run={lab.path}", f"output={tmp_path / 'a.csv'}", *given])
    theirs = medcnn.predict([f"run={exported}", f"output={tmp_path / 'b.csv'}", *given])
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    records = [json.loads((tmp_path / f"{name}.csv.json").read_text()) for name in "ab"]
    assert records[0]["checkpoints"] == records[1]["checkpoints"]
    assert records[0]["threshold"] == records[1]["threshold"]


def test_a_changed_export_is_refused(exported, tmp_path, capsys):
    folder = shutil.copytree(exported, tmp_path / "model")
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-9] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    given = [f"run={folder}", f"input={folder / 'golden'}", f"output={tmp_path / 'o.csv'}"]
    assert run("predict", given) == 2
    assert "not the file that its run recorded" in capsys.readouterr().err


def test_damaged_tensors_are_no_traceback(exported, tmp_path, capsys, seal):
    folder = shutil.copytree(exported, tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)
    seal(RunDir(folder))
    assert hashes_of(RunDir(folder))["model.safetensors"]
    given = [f"run={folder}", f"input={folder / 'golden'}", f"output={tmp_path / 'o.csv'}"]
    assert run("predict", given) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_what_cannot_be_proved_leaves_nothing(lab, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(proof, "TOLERANCE", -1.0)
    assert run("export", [f"run={lab.path}", f"output={tmp_path / 'model'}"]) == 1
    said = capsys.readouterr().err
    assert "does not answer as the network does" in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_what_lies_there_already_is_left_alone(lab, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert run("export", [f"run={lab.path}", f"output={tmp_path}"]) == 2
    assert "already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_export_has_no_images_until_some_are_named(exported, lab, tmp_path, capsys):
    output = tmp_path / "features.csv"
    given = [f"run={exported}", f"output={output}", "split=test"]
    assert run("features", given) == 2
    assert "an export, which brings no images" in capsys.readouterr().err
    table = tmp_path / "mine.csv"
    own = pd.read_csv(lab.manifest)
    own[own["split"] == "test"].drop(columns="split").to_csv(table, index=False)
    assert run("features", [*given, f"data.root={table}"]) == 0
    assert len(pd.read_csv(output)) == (own["split"] == "test").sum()
