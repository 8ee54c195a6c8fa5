"""A run and its images that moved: found by their relative paths, or told what is missing."""

import json
import shutil

import pandas as pd
import pytest

from medcnn.cli import run
from medcnn.data.manifest import build_manifest
from medcnn.data.moved import relocated
from medcnn.errors import DataError
from medcnn.record.record import Record
from medcnn.run.directory import RunDir


@pytest.fixture
def moved(trained_run, tmp_path):
    """Return a copy of a run whose images exist in another place alone."""
    copy = RunDir(shutil.copytree(trained_run.path, tmp_path / "run"))
    table = pd.read_csv(copy.manifest)
    images = tmp_path / "new place"
    images.mkdir()
    for name in table["path"]:
        shutil.copy(name, images)
    gone = table["path"].str.replace(r"^.*/", "/gone/before/", regex=True)
    table.assign(path=gone).to_csv(copy.manifest, index=False)
    facts = json.loads(copy.environment.read_text())
    copy.environment.write_text(json.dumps({**facts, "hashes": {}, "data": {}, "finished": None}))
    return copy, images


def manifest(paths):
    rows = pd.DataFrame({"image_id": [f"i{k}" for k in range(len(paths))], "path": paths})
    return build_manifest(rows.assign(label=[0, 1] * (len(paths) // 2), split="train"), source="x")


def test_a_tree_is_found_by_what_stayed_of_its_paths(tmp_path):
    old = ["/data/cxr/a/1.png", "/data/cxr/b/1.png"]
    for name in ("a", "b"):
        (tmp_path / "cxr" / name).mkdir(parents=True)
        (tmp_path / "cxr" / name / "1.png").touch()
    for root in (tmp_path, tmp_path / "cxr"):
        found = relocated(manifest(old), root).table["path"]
        assert found.tolist() == [str(tmp_path / "cxr" / name / "1.png") for name in ("a", "b")]


def test_an_archive_keeps_its_fragments(tmp_path):
    archive = tmp_path / "m.npz"
    archive.touch()
    found = relocated(manifest(["/o/m.npz#train/0", "/o/m.npz#train/1"]), archive).table["path"]
    assert found.tolist() == [f"{archive}#train/0", f"{archive}#train/1"]


def test_what_is_missing_is_named(tmp_path):
    (tmp_path / "1.png").touch()
    with pytest.raises(DataError, match=r"1 of the run's 2 images(.|\n)*2\.png"):
        relocated(manifest(["/old/1.png", "/old/2.png"]), tmp_path)
    with pytest.raises(DataError, match="are not below"):
        relocated(manifest(["/old/3.png", "/old/2.png"]), tmp_path)


def test_commands_find_images_that_moved(moved, tmp_path, capsys):
    copy, images = moved
    assert (
        Record(RunDir(copy.path, images)).manifest.table["path"].str.startswith(str(images)).all()
    )
    output = tmp_path / "f.csv"
    given = [f"run={copy.path}", f"output={output}", "split=test"]
    assert run("features", given) == 2
    assert run("features", [*given, f"data.root={images}"]) == 0
    assert len(pd.read_csv(output)) == 12
    again = [f"run={copy.path}", "split=val", "tta=light", f"output={tmp_path}/e"]
    assert run("evaluate", again) == 2
    assert run("evaluate", [*again, f"data.root={images}"]) == 0
    capsys.readouterr()
    assert run("diagnose", [f"run={copy.path}"]) == 0
    assert "for want of the run's images" in capsys.readouterr().err
