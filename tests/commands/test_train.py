import shutil

import pytest

from medcnn.cli import run
from medcnn.commands.train import run as command
from medcnn.errors import ConfigError
from medcnn.files.plain import read_json
from medcnn.run.directory import RunDir
from medcnn.settings.composition import compose


@pytest.fixture(scope="module")
def trained(easy_data, tmp_path_factory):
    """Return what the command itself answers."""
    folder = tmp_path_factory.mktemp("train") / "run"
    return command(compose("train", [*easy_data, "trainer.max_epochs=1", f"run_dir={folder}"]))


def test_one_run_is_trained_and_reported_and_its_directory_is_the_answer(trained):
    assert isinstance(trained, RunDir) and trained.path.name == "run"
    assert trained.report.is_file() and not trained.members
    assert read_json(trained.environment)["resumed"] == 0
    assert command(compose("train", [f"resume={trained.path}"])) == trained


def test_a_search_is_no_single_run():
    with pytest.raises(ConfigError, match="search=random in a single run"):
        command(compose("train", ["search=random"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resume=/nowhere"], "not a run directory"),
        (["data.folds=3", "data.fold=3"], "no fold 3 of 3"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_message(arguments, message, capsys):
    assert run("train", arguments) == 2
    told = capsys.readouterr().err
    assert message in told and "Traceback" not in told


def test_a_vanished_folder_ends_a_resume_with_a_message_and_leaves_the_run(
    trained, easy_data, tmp_path, capsys, seal
):
    root = next(text for text in easy_data if "data.root" in text).partition("=")[2]
    gone, done = tmp_path / "gone", RunDir(shutil.copytree(trained.path, tmp_path / "run"))
    for path in (done.config, done.manifest):
        path.write_text(path.read_text().replace(root.rpartition("/")[0], str(gone)))
    seal(done)
    done.report.unlink()
    assert run("train", [f"resume={done.path}"]) == 2
    told = capsys.readouterr().err
    assert "does not exist" in told and str(gone) in told
    assert done.results.is_file() and done.best_checkpoint.is_file()


def test_a_run_without_its_report_is_finished_without_training_again(trained, tmp_path):
    again = RunDir(shutil.copytree(trained.path, tmp_path / "run"))
    before = again.metrics.read_bytes()
    again.report.unlink()
    assert run("train", [f"resume={again.path}"]) == 0
    assert again.report.is_file() and again.metrics.read_bytes() == before
    assert again.predictions("test").read_text() == trained.predictions("test").read_text()
    assert read_json(again.environment)["resumed"] == 1


def test_values_that_a_resumed_run_does_not_use_are_told(trained, capfd, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py"])
    asked = ["trainer.max_epochs=9", "seed=0", "model.widths=[8,16]", "model=tiny_resnet"]
    assert run("train", [f"resume={trained.path}", *asked]) == 0
    told = capfd.readouterr().err
    assert "trainer.max_epochs=9 is not used" in told
    assert told.count("not used") == 1
