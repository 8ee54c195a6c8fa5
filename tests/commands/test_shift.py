import json
import shutil

import pytest

from medcnn.cli import run
from medcnn.commands.shift import run as shift
from medcnn.data.manifest import read_table
from medcnn.errors import DataError
from medcnn.run.directory import RunDir
from medcnn.settings.composition import compose

WIDE = ["permutations=99"]


def asked(*overrides):
    return shift(compose("shift", [*overrides, *WIDE]))


@pytest.fixture(scope="module")
def bright(tmp_path_factory, draw_hospital):
    """Return images of 60 files, brighter than those of home; and one that is none."""
    folder = draw_hospital(tmp_path_factory.mktemp("bright"), 60, 5, apart=6.0, shift=60)
    (folder / "normal" / "broken.png").write_bytes(b"nothing")
    return folder


def test_brighter_images_are_another_population_and_the_exit_code_is_none(
    wider_run, bright, tmp_path, capsys
):
    out = tmp_path / "out"
    words = [f"run={wider_run.path}", f"input={bright}", f"output={out}", "language=de"]
    assert run("shift", [*words, *WIDE]) == 0
    said = capsys.readouterr()
    assert "another population" in said.err and "broken.png" in said.err
    facts = json.loads((out / "shift.json").read_text())
    assert (facts["verdict"], facts["images"], facts["unreadable"]) == ("shifted", 60, 1)
    page = (out / "shift.html").read_text("utf-8")
    assert "Andere Population" in page and page.count("<img") == 12 and page.count("<svg") == 2


def test_home_again_is_the_same_and_a_draw_of_it_is_said(wider_run, draw_hospital, tmp_path):
    folder = draw_hospital(tmp_path / "again", 80, 6, apart=6.0)
    found = asked(f"run={wider_run.path}", f"input={folder}", "images=50", f"output={tmp_path}")
    assert (found.verdict, found.images, found.of) == ("same", 50, 80)


def test_a_few_images_are_not_judged(wider_run, draw_hospital, tmp_path):
    folder = draw_hospital(tmp_path / "few", 10, 7, shift=90)
    found = asked(f"run={wider_run.path}", f"input={folder}", f"output={tmp_path}")
    assert found.verdict == "unknown" and (tmp_path / "shift.html").is_file()


def test_a_run_of_an_earlier_version_is_asked_its_images(wider_run, bright, tmp_path, seal):
    old = RunDir(tmp_path / "old")
    shutil.copytree(wider_run.path, old.path)
    old.home.unlink()
    seal(old)
    found = asked(f"run={old.path}", f"input={bright}", f"output={tmp_path / 'o'}")
    assert found.verdict == "shifted"
    table = read_table(old.manifest)
    table.assign(path="/gone/" + table["image_id"]).to_csv(old.manifest, index=False)
    seal(old)
    with pytest.raises(DataError, match="keeps no features of home"):
        asked(f"run={old.path}", f"input={bright}", f"output={tmp_path / 'o'}")


@pytest.mark.parametrize("kind", ["empty", "broken", "absent"])
def test_nothing_to_look_at_is_told_in_words(wider_run, tmp_path, kind, capsys):
    folder = tmp_path / "in"
    if kind != "absent":
        folder.mkdir()
    if kind == "broken":
        (folder / "a.png").write_bytes(b"nothing")
    words = [f"run={wider_run.path}", f"input={folder}", f"output={tmp_path / 'o'}"]
    assert run("shift", words) == 2
    said = {"empty": "no images", "broken": "can be read", "absent": "does not exist"}[kind]
    assert said in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_run_without_a_judgement_is_refused(wider_run, bright, tmp_path, capsys, seal):
    bare = RunDir(tmp_path / "bare")
    shutil.copytree(wider_run.path, bare.path)
    bare.judgement.unlink()
    seal(bare)
    assert run("shift", [f"run={bare.path}", f"input={bright}"]) == 2
    assert "not finished" in capsys.readouterr().err
