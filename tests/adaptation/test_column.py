import json

import pandas as pd
import pytest

from medcnn.cli import run


def test_the_table_repeats_whether_its_files_are_from_home(
    wider_run, draw_hospital, tmp_path, capsys
):
    folder = draw_hospital(tmp_path / "in", 40, 31, apart=6.0, shift=60)
    out = tmp_path / "p.csv"
    words = [f"run={wider_run.path}", f"input={folder}", f"output={out}", "shift=true"]
    assert run("predict", words) == 0
    assert "another population" in capsys.readouterr().err
    table = pd.read_csv(out)
    assert len(table) == 40 and set(table["shift"]) == {"shifted"}
    assert any(
        "another population" in text
        for text in json.loads((tmp_path / "p.csv.json").read_text())["warnings"]
    )
    assert (tmp_path / "p.csv.shift" / "shift.html").is_file()


@pytest.mark.parametrize("overrides", [["tta=flips"], ["mc_samples=2", "mc.inject=head"]])
def test_it_compares_with_what_the_run_left_and_with_nothing_else(
    wider_run, draw_hospital, tmp_path, overrides, capsys
):
    folder = draw_hospital(tmp_path / "in", 2, 32)
    words = [f"run={wider_run.path}", f"input={folder}", f"output={tmp_path / 'p.csv'}"]
    assert run("predict", [*words, "shift=true", *overrides]) == 2
    assert "run medcnn shift on each run" in capsys.readouterr().err


def test_few_files_are_not_judged_and_that_is_said(wider_run, draw_hospital, tmp_path, capsys):
    folder = draw_hospital(tmp_path / "in", 4, 33)
    out = tmp_path / "p.csv"
    assert (
        run("predict", [f"run={wider_run.path}", f"input={folder}", f"output={out}", "shift=true"])
        == 0
    )
    assert "cannot be said" in capsys.readouterr().err
    assert set(pd.read_csv(out)["shift"]) == {"unknown"}
