import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from medcnn.cli import run

COLUMNS = {"image_id", "p_abnormal", "p_low", "p_high", "decision", "threshold", "error"}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A folder of two images in two folders, a broken one, and a text that is none."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "deeper").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)
    cv2.imwrite(str(folder / "one.png"), pixels)
    cv2.imwrite(str(folder / "deeper" / "two.jpg"), pixels)
    (folder / "broken.dcm").write_bytes(b"no film")
    (folder / "notes.txt").write_text("none")
    return folder


def predict(*overrides):
    return run("predict", ["num_workers=0", *map(str, overrides)])


def test_every_image_has_a_row_and_the_console_counts_them(trained_run, mixed, tmp_path, capsys):
    output = tmp_path / "p.csv"
    assert predict(f"run={trained_run.path}", f"input={mixed}", f"output={output}") == 0
    table = pd.read_csv(output).set_index("image_id")
    assert set(table.index) == {"broken.dcm", "one.png", "deeper/two.jpg"}
    assert set(table.columns) | {"image_id"} >= COLUMNS
    read = table.drop("broken.dcm")
    assert read["p_abnormal"].between(0, 1).all() and read["error"].isna().all()
    called = read["p_abnormal"] >= read["threshold"]
    assert (called == (read["decision"] == "abnormal")).all()
    said = capsys.readouterr().out
    assert "3 files" in said and "1 not readable" in said
    assert "not readable not_an_image 1" in said
    assert "left out     1 that" in said


def test_rows_from_before_are_said_to_stand(trained_run, mixed, tmp_path, capsys):
    asked = (f"run={trained_run.path}", f"input={mixed}", f"output={tmp_path / 'p.csv'}")
    assert predict(*asked) == 0
    capsys.readouterr()
    assert predict(*asked) == 0
    # An image that could not be read is tried again.
    assert "2 of them stood from before" in capsys.readouterr().out


def test_what_cannot_be_predicted_ends_in_2_and_one_message(trained_run, mixed, tmp_path, capsys):
    assert predict(f"run={trained_run.path}", f"input={tmp_path / 'nothing'}") == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert predict(f"run={trained_run.path}", f"input={empty}") == 2
    assert "no images in" in capsys.readouterr().err
    assert predict(f"run={tmp_path}", f"input={mixed}") == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_configuration_that_would_run_code_is_refused(trained_run, mixed, tmp_path, capsys, seal):
    copy = tmp_path / "copy"
    shutil.copytree(trained_run.path, copy)
    config = copy / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("medcnn.models.build_classifier", "os.system"))
    assert config.read_text() != text
    seal(copy)
    assert predict(f"run={copy}", f"input={mixed}", f"output={tmp_path / 'p.csv'}") == 2
    assert "os.system" in capsys.readouterr().err
