import shutil
from dataclasses import replace

import numpy as np
import pytest

from medcnn.adaptation.images import known_keys, read_elsewhere, trained_rows
from medcnn.calibration.home import Home
from medcnn.data.manifest import read_table
from medcnn.data.settings import Data, Source
from medcnn.errors import ConfigError, DataError
from medcnn.run.directory import RunDir


def folder(root, **more):
    source = Source("medcnn.data.sources.folder.read", {"root": str(root)})
    return Data(name="folder", root=str(root), source=source, **more)


@pytest.fixture(scope="module")
def run(trained_run):
    return RunDir(trained_run.path)


@pytest.fixture
def mixed(hospital, run, tmp_path):
    """Return the hospital with three images of the training and one of validation in it."""
    place = tmp_path / "mixed"
    shutil.copytree(hospital, place)
    known = read_table(run.manifest)
    for split, count in (("train", 3), ("val", 1)):
        for row in known[known["split"] == split].iloc[:count].itertuples():
            name = "abnormal" if row.label else "normal"
            shutil.copy(row.path, place / name / f"again_{row.image_id}.png")
    return place


def test_images_of_elsewhere_are_read_as_the_run_reads_its_own(run, hospital):
    found = read_elsewhere([run], folder(hospital, image_size=512))
    assert (len(found.manifest), found.unreadable) == (40, 1)
    assert found.cache.profile.size == 32
    assert found.cache.readable.all() and len(found.cache) == 40
    assert found.audit is not None and found.audit.verdict == "pass"


def test_what_was_trained_or_validated_on_is_refused_or_left_out(run, mixed):
    with pytest.raises(
        DataError, match=r"4 of 44 images.*\n.*\n.*4 images of the training"
    ) as error:
        read_elsewhere([run], folder(mixed))
    assert "data.deduplicate=true" in str(error.value)
    found = read_elsewhere([run], folder(mixed, deduplicate=True))
    assert len(found.manifest) == 40
    (told,) = [text for text in found.notices if "belong to the training" in text]
    assert told.facts["copies"] == 4


def test_a_run_that_was_moved_knows_the_files_of_its_training(run, mixed, tmp_path, seal):
    moved = tmp_path / "moved"
    shutil.copytree(run.path, moved)
    known = read_table(run.manifest)
    gone = known.assign(path="/gone/" + known["image_id"] + ".png")
    gone.to_csv(moved / "manifest.csv", index=False)
    seal(moved)
    with pytest.raises(DataError, match="4 images of the training"):
        read_elsewhere([RunDir(moved)], folder(mixed))
    found = read_elsewhere([RunDir(moved)], folder(mixed, deduplicate=True))
    (told,) = [text for text in found.notices if "are where they were" in text]
    assert (told.facts["looked"], told.facts["of"]) == (0, len(trained_rows(run)))


def test_folds_know_the_files_of_each_of_them(tmp_path):
    whole, (a, b, c) = RunDir(tmp_path / "cv"), (name * 16 for name in (b"a", b"b", b"c"))
    for number, keys in enumerate([(a, b), (b, c)]):
        member = whole.member(number)
        member.path.mkdir(parents=True)
        member.config.write_text("name: fold")
        Home(np.zeros((1, 2), np.float32), np.arange(1), keys).save(member.home)
    assert known_keys(whole) == (a, b, c)


def test_a_run_without_a_list_of_its_training_says_so(run, hospital, tmp_path, seal):
    bare = tmp_path / "bare"
    shutil.copytree(run.path, bare)
    (bare / "manifest.csv").unlink()
    seal(bare)
    found = read_elsewhere([RunDir(bare)], folder(hospital))
    assert any(getattr(text, "key", "") == "training_unknown" for text in found.notices)


def test_views_that_the_training_lacks_are_told(run, hospital, tmp_path, seal):
    copy = tmp_path / "viewed"
    shutil.copytree(run.path, copy)
    read_table(run.manifest).assign(view="PA").to_csv(copy / "manifest.csv", index=False)
    seal(copy)
    rows = read_elsewhere([run], folder(hospital)).manifest.table.drop(columns="split")
    rows.assign(view=["LL"] * 5 + ["PA"] * 35).to_csv(tmp_path / "m.csv", index=False)
    source = Source("medcnn.data.sources.manifest_csv.read", {"root": str(tmp_path / "m.csv")})
    data = replace(folder(tmp_path / "m.csv"), name="manifest", source=source)
    found = read_elsewhere([RunDir(copy)], data)
    (told,) = [text for text in found.notices if "views that the training" in text]
    assert (told.facts["count"], told.facts["views"]) == (5, ("LATERAL",))


def test_a_published_split_is_taken_by_its_name(run, draw_hospital, tmp_path):
    draw_hospital(tmp_path / "r" / "test", 10, 3)
    draw_hospital(tmp_path / "r" / "train", 20, 4)
    found = read_elsewhere([run], folder(tmp_path / "r"), "test")
    assert len(found.manifest) == 10
    with pytest.raises(ConfigError, match=r"without a split 'val'\.\n.*split=test \| train"):
        read_elsewhere([run], folder(tmp_path / "r"), "val")
