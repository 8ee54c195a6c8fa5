"""``medcnn explain`` as a user runs it, on a small trained run."""

import json
import shutil

import pytest

from medcnn.cli import run as run_command
from medcnn.reporting.contents import read_run
from medcnn.run.directory import RunDir

FAST = ["images=3", "sanity=2", "marker=3", "shown=2", "steps=2", "method=[grad_cam,occlusion]"]


@pytest.fixture(scope="module")
def trained(trained_run, tmp_path_factory):
    """Return a copy of the run, to which explanations are added."""
    return RunDir(shutil.copytree(trained_run.path, tmp_path_factory.mktemp("runs") / "a"))


def test_the_command_leaves_numbers_pictures_and_a_section(trained, capsys):
    before = json.loads(trained.results.read_text())
    assert run_command("explain", [f"run={trained.path}", *FAST]) == 0
    found = json.loads(trained.explanations.read_text())
    names = {"image", "grad_cam", "occlusion"}
    assert len(found["images"]) == 2
    for image in found["images"]:
        assert set(image["figures"]) == names
        assert all((trained.path / path).is_file() for path in image["figures"].values())
    after = json.loads(trained.results.read_text())
    assert {key: after[key] for key in before} == before
    assert after["explanations"]["methods"] == found["methods"]
    assert "images" not in after["explanations"]
    page = trained.report.read_text()
    assert 'id="explanations"' in page and page.count("data:image/jpeg") >= 6
    assert set(found["warnings"]) <= set(read_run(trained).warnings())
    shown = capsys.readouterr().out
    assert "No mask says where the findings are" in page
    assert "grad cam above random" in shown and str(trained.report) in shown


def test_pictures_of_an_earlier_explanation_do_not_stay(trained):
    arguments = [f"run={trained.path}", *FAST, "shown=1", "method=grad_cam", "language=de"]
    assert run_command("explain", arguments) == 0
    left = sorted(path.name for path in (trained.figures / "explanations").glob("*.png"))
    assert len(left) == 2 and all(name.startswith("01_") for name in left)
    page = trained.report.read_text()
    assert 'lang="de"' in page and "Keine Maske sagt" in page


def test_a_member_of_an_ensemble_is_explained_without_a_report(trained, tmp_path, capsys):
    member = tmp_path / "0"
    for name in ("config.yaml", "manifest.csv", "judgement.json", "checkpoints", "predictions"):
        (member / name).parent.mkdir(exist_ok=True)
        source = trained.path / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, member / name)
    arguments = [f"run={member}", *FAST, "method=grad_cam", "sanity=0", "marker=0"]
    assert run_command("explain", arguments) == 0
    assert (member / "explanations.json").is_file() and not (member / "report.html").exists()
    assert "a member without results" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["method=gradcam"], "did you mean 'grad_cam'"),
        (["split=nothing"], "split cannot be 'nothing'"),
        (["language=fr"], "language cannot be 'fr'"),
        (["images=1"], "images cannot be 1"),
        (["method=attention_rollout", "images=2"], "no attention from every place"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(trained, capsys, arguments, said):
    assert run_command("explain", [f"run={trained.path}", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_without_a_finished_run_is_refused(trained, tmp_path, capsys):
    assert run_command("explain", [f"run={tmp_path}"]) == 2
    assert "is not a run directory" in capsys.readouterr().err
    (tmp_path / "config.yaml").write_text(trained.config.read_text())
    assert run_command("explain", [f"run={tmp_path}"]) == 2
    assert "not finished" in capsys.readouterr().err
    member = tmp_path / "members" / "0"
    member.mkdir(parents=True)
    (member / "config.yaml").write_text("{}")
    assert run_command("explain", [f"run={tmp_path}"]) == 2
    assert "is an ensemble" in capsys.readouterr().err
