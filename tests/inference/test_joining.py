"""Parts that are predicted apart and joined, through a run that is written, not trained."""

import json
import sqlite3

import cv2
import numpy as np
import pytest

import medcnn
from medcnn.errors import DataError
from medcnn.inference.ledger import ledger_path
from medcnn.inference.quick import QuickPanel

SAFEGUARDS = ("alpha=0.1", "refer=20%", "prior_shift=em")


@pytest.fixture(scope="module")
def run(made_run):
    return made_run()


@pytest.fixture(scope="module")
def images(make_folder):
    folder = make_folder(41)
    (folder / "ward1" / "0004.png").write_bytes(b"no film")
    return folder


@pytest.fixture
def predict(run, images, tmp_path):
    def command(*more, output="o.csv", of=run):
        given = [f"run={of.path}", f"input={images}", f"output={tmp_path / output}"]
        return medcnn.predict([*given, "batch_size=4", "num_workers=0", "tolerance=0.1", *more])

    return command


def test_four_parts_and_a_join_are_one_run_byte_for_byte(predict, tmp_path, monkeypatch):
    predict(*SAFEGUARDS, output="one.csv")
    for number in (3, 1, 4, 2):
        predict(*SAFEGUARDS, f"part={number}/4")
        assert not (tmp_path / "o.csv").exists()
    assert len(list(tmp_path.glob("o.csv.part-*"))) == 4
    asked = []
    answers = QuickPanel.answers
    monkeypatch.setattr(
        QuickPanel, "answers", lambda self, *given: asked.append(1) or answers(self, *given)
    )
    predict(*SAFEGUARDS)
    shifted = len(asked)  # what lies near the corrected threshold is computed again, as in one run
    assert (tmp_path / "o.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    assert not list(tmp_path.glob("o.csv.part-*"))
    record = json.loads((tmp_path / "o.csv.json").read_text())
    assert record["parts"] == ["1/4", "2/4", "3/4", "4/4"]
    assert shifted < 11
    predict()
    assert len(asked) <= shifted + 1  # the one that cannot be read is tried again


def test_what_is_in_no_part_is_predicted_and_said(predict, tmp_path, capsys):
    predict(output="one.csv")
    predict("part=2/3")
    (tmp_path / "o.csv.part-3-of-3.ledger").touch()
    capsys.readouterr()
    predict()
    said = capsys.readouterr()
    assert "1 parts, 13 rows" in said.out
    told = " ".join((said.out + said.err).split())
    assert "part 3/3 is not finished" in told and "part 1/3 is missing" in told
    assert (tmp_path / "o.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


def test_a_part_that_is_there_stands_and_one_that_was_stopped_goes_on(
    predict, tmp_path, monkeypatch, capsys
):
    answers, calls = QuickPanel.answers, []

    def stop(self, *given):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return answers(self, *given)

    monkeypatch.setattr(QuickPanel, "answers", stop)
    with pytest.raises(KeyboardInterrupt):
        predict("part=1/3")
    assert [path.name for path in tmp_path.iterdir()] == ["o.csv.part-1-of-3.ledger"]
    predict("part=1/3")
    assert len(calls) == 5  # four batches, of which the second was begun twice
    predict("part=1/3")
    assert len(calls) == 5
    assert "is there" in capsys.readouterr().out
    predict("part=1/3", "resume=false")
    assert len(calls) == 9


def test_a_part_of_other_settings_is_refused(predict, tmp_path):
    predict("part=1/3")
    for key, value in (("tolerance", 0.15), ("batch_size", 8), ("exact", "true")):
        told = rf"part-1-of-3 holds(.|\n)*{key} was(.|\n)*remove the file"
        with pytest.raises(DataError, match=told):
            predict(f"{key}={value}")
    assert [path.name for path in tmp_path.iterdir()] == ["o.csv.part-1-of-3"]


def test_a_part_of_another_run_or_another_list_of_files_is_refused(
    predict, made_run, images, tmp_path
):
    predict("part=1/3")
    with pytest.raises(DataError, match="checkpoints was"):
        predict(of=made_run("other", seed=3))
    added = images / "added.png"
    cv2.imwrite(str(added), np.full((40, 40), 90, np.uint8))
    try:
        with pytest.raises(DataError, match="files was"):
            predict()
    finally:
        added.unlink()
    with sqlite3.connect(tmp_path / "o.csv.part-1-of-3") as base:
        base.execute("DELETE FROM files WHERE name LIKE '%3.jpg'")
    with pytest.raises(DataError, match="rows of 16"):
        predict()
    (tmp_path / "o.csv.part-1-of-3").write_bytes(b"torn" * 1000)
    with pytest.raises(DataError, match="cannot be read"):
        predict()


def test_where_one_part_gave_up_quick_answers_all_is_exact(predict, tmp_path, monkeypatch):
    predict("exact=true", output="one.csv")
    predict("part=1/2")
    with monkeypatch.context() as patch:
        patch.setattr(QuickPanel, "largest", 1.0, raising=False)
        begun = QuickPanel.__init__

        def given_up(self, *given, **named):
            begun(self, *given, **named)
            self.give_up("bfloat16 moved a probability")

        patch.setattr(QuickPanel, "__init__", given_up)
        predict("part=2/2")
    predict()
    record = json.loads((tmp_path / "o.csv.json").read_text())
    assert record["precision"]["first_answer"] == "float32"
    assert record["precision"]["computed_exactly"] == 40
    assert any("bfloat16 moved" in text for text in record["warnings"])
    assert ledger_path(tmp_path / "o.csv").is_file()


def test_a_single_file_is_not_divided(run, images, tmp_path):
    with pytest.raises(DataError.__mro__[1], match="divides a folder"):
        medcnn.predict([f"run={run.path}", f"input={images / 'ward1' / '0001.png'}", "part=1/2"])
