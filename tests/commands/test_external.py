import shutil

import pandas as pd
import pytest

import medcnn
from medcnn.cli import run
from medcnn.errors import ConfigError, DataError
from medcnn.evaluation.results import read_results
from medcnn.files.plain import read_json

FEW = 40


@pytest.fixture(scope="module")
def evaluated(trained_run, hospital, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluated")
    found = medcnn.evaluate(
        [
            f"run={trained_run.path}",
            "data=folder",
            f"data.root={hospital}",
            f"output={out}",
            "language=de",
        ]
    )
    return found, out


def test_a_run_is_reported_on_images_it_never_saw_at_its_frozen_threshold(evaluated, trained_run):
    found, out = evaluated
    home = read_json(trained_run.results)
    assert (found["split"], found["n"], found["prevalence"]) == ("external", FEW, 0.5)
    assert found["threshold"] == home["threshold"]
    optional = {"diagnosis", "conformal", "patients", "studies"}
    assert set(home) - optional <= set(found)
    table = pd.read_csv(out / "predictions.csv")
    called = table["p_abnormal"] >= home["threshold"]["value"]
    assert found["sensitivity"]["value"] == pytest.approx(called[table["label"] == 1].mean())
    assert (found["external"]["source"], found["external"]["unreadable"]) == ("folder", 1)
    assert any("broken.png" in text for text in found["warnings"])
    assert read_results(out / "results.json").external.home is not None


def test_home_stands_beside_it_with_the_difference(evaluated, trained_run):
    found, _ = evaluated
    home, at_home = read_json(trained_run.results), found["external"]["home"]
    assert (at_home["n"], at_home["split"]) == (home["n"], "test")
    for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy", "auroc"):
        ours, theirs = found[name]["value"], home[name]["value"]
        assert at_home[name]["value"] == pytest.approx(theirs)
        if ours is not None and theirs is not None:
            gap = found["external"]["differences"][name]
            assert gap["value"] == pytest.approx(ours - theirs)
            assert gap["ci"][0] <= gap["value"] <= gap["ci"][1]


def test_the_report_is_of_the_images_of_elsewhere_and_in_its_language(evaluated):
    _, out = evaluated
    page = (out / "report.html").read_text("utf-8")
    assert "Im Vergleich mit zu Hause" in page and "Hier: 40 Fälle" in page
    assert "Teilmenge extern" in page
    assert (out / "audit.json").is_file()


def refused(trained_run, tmp_path, *overrides):
    asked = [f"run={trained_run.path}", f"output={tmp_path / 'out'}", *overrides]
    with pytest.raises((ConfigError, DataError)) as error:
        medcnn.evaluate(asked)
    assert not (tmp_path / "out").exists()
    assert error.value.exit_code == 2
    return str(error.value)


@pytest.mark.parametrize(
    ("classes", "complaint"),
    [(("normal",), "one sub-folder per class"), (("normal", "of old"), "of old")],
)
def test_folders_without_labels_are_refused(
    trained_run, tmp_path, draw_hospital, classes, complaint
):
    folder = draw_hospital(tmp_path / "data", 10, 1, classes=classes)
    assert complaint in refused(trained_run, tmp_path, "data=folder", f"data.root={folder}")


def test_one_class_and_nothing_readable_are_refused(trained_run, tmp_path, draw_hospital):
    folder = draw_hospital(tmp_path / "data", 10, 1)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"nothing")
    assert "can be read" in refused(trained_run, tmp_path, "data=folder", f"data.root={folder}")
    for path in (folder / "abnormal").glob("*.png"):
        shutil.copy(next((draw_hospital(tmp_path / "more", 4, 2) / "abnormal").glob("*.png")), path)
    text = refused(trained_run, tmp_path, "data=folder", f"data.root={folder}")
    assert "one class only" in text


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["split=test"], "without a split"),
        (["threshold=youden"], "frozen"),
        (["data.root=/nowhere"], "does not exist"),
    ],
)
def test_slips_are_answered_in_words(trained_run, hospital, tmp_path, overrides, complaint):
    asked = ["data=folder", f"data.root={hospital}", *overrides]
    assert complaint in refused(trained_run, tmp_path, *asked)


def test_data_without_a_run_is_refused_by_the_command(hospital, tmp_path, capsys):
    (tmp_path / "p.csv").write_text("label,p_abnormal\n0,0.1\n1,0.9\n")
    asked = [f"predictions={tmp_path / 'p.csv'}", "data=folder", f"data.root={hospital}"]
    assert run("evaluate", asked) == 2
    assert "run=RUN_DIR data=folder" in capsys.readouterr().err
