"""The page on Python: its examples run, and its table names what there is."""

import re
from pathlib import Path

import medcnn

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text()


def test_the_example_of_reading_runs(trained_run, capsys):
    text = PAGE.partition("## A run that can be read")[2].partition("| part |")[0]
    code = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    run = medcnn.Run(trained_run)
    names = {"run": run}
    exec(code, names)  # noqa: S102  the page is ours
    printed = capsys.readouterr().out
    assert f"{run.results.sensitivity.value:.3f} (" in printed
    assert "tiny_resnet 1 0" in printed
    cases = run.predictions("test")
    missed = cases[(cases["label"] == 1) & (cases["p_abnormal"] < run.threshold.value)]
    assert names["missed"]["image_id"].tolist() == missed["image_id"].tolist()


def test_every_part_of_the_table_is_there(trained_run):
    run = medcnn.Run(trained_run)
    named = re.findall(r"^\| `run\.(\w+)", PAGE, re.MULTILINE)
    assert len(named) > 10
    absent = {"audit"}  # the shared run is trained without
    for name in set(named) - absent:
        assert hasattr(run, name), name
    for name in ("started", "finished", "seconds", "warnings", "test_looks", "command", "seed"):
        assert hasattr(run.journal, name)
