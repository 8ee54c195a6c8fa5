import hashlib
from pathlib import Path

import pandas as pd
import pytest

import medcnn
from medcnn.cli import run as command
from medcnn.files.plain import read_json
from medcnn.run.directory import RunDir
from medcnn.training.story import resume


@pytest.fixture(scope="module")
def run(easy_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("training") / "run"
    return medcnn.train(
        [*easy_data, "trainer.max_epochs=2", "subgroups=[absent]", f"run_dir={folder}"]
    ).paths


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_environment_names_data_and_weights_as_they_are_at_the_end(run):
    found = read_json(run.environment)
    assert found["checkpoint_sha256"] == hash_of(run.best_checkpoint)
    assert found["data"]["manifest_sha256"] == hash_of(run.manifest)
    assert len(bytes.fromhex(found["data"]["images_blake2b"])) == 16
    assert found["weights"]["loaded"] == "random"
    assert found["seed"] == 0 and found["cpu"] and found["threads"] >= 1
    assert found["started"] <= found["finished"]
    assert set(found["seconds"]) == {"data", "model", "train", "predict", "evaluate", "report"}


def test_the_pixels_are_hashed_and_not_only_their_names(run, easy_data, tmp_path):
    import cv2

    root = Path(next(text for text in easy_data if "data.root" in text).partition("=")[2])
    table = pd.read_csv(root)
    for name in table["path"]:
        pixels = cv2.imread(str(root.parent / name), 0)
        cv2.imwrite(str(tmp_path / name), 255 - pixels)
    table.to_csv(tmp_path / "manifest.csv", index=False)
    # What comes after the data is not needed: weights that cannot be read end the run there.
    (tmp_path / "w.pth").write_bytes(b"not a weights file")
    other = [f"data.root={tmp_path / 'manifest.csv'}", f"model.weights={tmp_path / 'w.pth'}"]
    assert command("train", [*easy_data, *other, f"run_dir={tmp_path / 'run'}"]) == 2
    ours, theirs = (read_json(each.environment)["data"] for each in (run, RunDir(tmp_path / "run")))
    assert ours["images_blake2b"] != theirs["images_blake2b"]


def test_one_training_looks_at_the_test_split_once(run):
    assert read_json(run.environment)["test_looks"] == 1
    resume(run)
    assert read_json(run.environment)["test_looks"] == 1


def test_a_column_that_is_not_there_is_a_warning_of_the_report(run):
    text = "no column 'absent'"
    assert any(text in each for each in read_json(run.results)["warnings"])
    assert "absent" in run.report.read_text()


def test_the_diagnosis_knows_the_weights(run, monkeypatch):
    diagnosis = read_json(run.path / "diagnosis.json")
    from medcnn.data.preparation import cache_images
    from medcnn.inference.runs import run_manifest
    from medcnn.inference.settings import run_settings
    from medcnn.inspection import run as inspection

    manifest = run_manifest(run)
    cache = cache_images(manifest, run_settings(run).data)
    dead = inspection.dead_share(inspection.inspect_models(run, manifest, cache))
    named = {each["name"]: each["evidence"] for each in diagnosis["findings"]}
    assert ("dead_units" in named) == (dead >= 0.2)


def test_a_finished_run_is_left_as_it_is(run, capsys):
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}
    assert resume(run) == run
    assert "is finished" in capsys.readouterr().out
    assert before == {
        path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()
    }
