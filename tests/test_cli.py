import signal
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from medcnn import __version__
from medcnn.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def medcnn(monkeypatch, capsys):
    """Return a function that gives words to the command line and returns its exit and what it said."""

    def give(*words):
        monkeypatch.setattr("sys.argv", ["medcnn", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, stop.value.code, said.out, said.err)

    return give


SOUND = (["--help"], ["--cfg", "job", "experiment=xray_resnet"])
FAULTS = (
    "model=resnet81",
    "model.backbone=resnet81",
    "model.dropuot=0.5",
    "threshold=yuden",
    "model.dropout=1.5",
    "optimizer.lr=fast",
    "data=chest_xray data.root=/no/such/folder",
)


def test_help_and_faults_answer_without_torch(in_new_process):
    wrong = [["experiment=xray_resnet", *fault.split()] for fault in FAULTS]
    answers = in_new_process(*(["train", *arguments] for arguments in [*SOUND, *wrong]))
    assert [each.code for each in answers] == [0] * len(SOUND) + [2] * len(FAULTS)
    assert not answers[-1].modules & {"torch", "pytorch_lightning", "torchvision"}
    for _, said, _ in answers[len(SOUND) :]:
        assert "Traceback" not in said
        assert said.startswith("medcnn: ")
        assert "what to do: " in said


def test_wrong_values_answer_without_the_libraries_of_a_run(in_new_process):
    answers = in_new_process(
        *(
            ["train", text]
            for text in ("optimizer.lr=fast", "data.fold=all", "resume=/no/such/run")
        ),
        *([name, "run=/no/such/run"] for name in ("evaluate", "explain", "features")),
        ["predict", "run=[/no/such/run]", "input=."],
    )
    assert {each.code for each in answers} == {2}
    assert not answers[-1].modules & {"pandas", "sklearn", "matplotlib"}


def test_the_launchers_are_the_command():
    for name in ("train", "evaluate", "predict"):
        done = subprocess.run(
            [sys.executable, str(ROOT / f"{name}.py"), "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0
        assert done.stdout.startswith(f"medcnn {name}")


def test_a_place_that_cannot_be_written_is_no_fault_of_medcnn(medcnn, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    done = medcnn("doctor", str(tmp_path), f"output={tmp_path / 'notes.txt' / 'x.json'}")
    assert done.returncode == 2
    assert "notes.txt: cannot be read or written" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_command_names_the_nearest(medcnn):
    done = medcnn("trian")
    assert done.returncode == 2
    assert "did you mean 'train'?" in done.stderr


def test_help_lists_every_command(medcnn):
    done = medcnn("--help")
    assert done.returncode == 0
    for name in ("train", "evaluate", "predict", "audit", "check", "plan"):
        assert f"  {name} " in done.stdout


def test_alone_it_lists_its_commands_a_line_each(medcnn):
    done = medcnn()
    assert done.returncode == 0
    for name, command in COMMANDS.items():
        assert f"  {name:10} {command.summary}\n" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("line", "choices"),
    [
        ("medcnn tr", "train"),
        ("medcnn train data=mani", "data=manifest"),
        ("medcnn train optimizer.l", "optimizer.lr="),
        ("medcnn plan wid", "width="),
        ("medcnn nothing x", ""),
    ],
)
def test_the_tab_key_completes_commands_groups_and_keys(medcnn, monkeypatch, line, choices):
    monkeypatch.setenv("COMP_LINE", line)
    done = medcnn("-sc", "query=bash")
    assert (done.returncode, done.stdout.split()) == (0, choices.split())


def test_the_tab_key_is_set_up_by_what_the_shell_evaluates(medcnn):
    assert "-F hydra_bash_completion " in medcnn("-sc", "install=bash").stdout
    assert "hydra_fish_completion" in medcnn("train", "-sc", "install=fish").stdout


def test_a_reader_who_has_seen_enough_is_no_fault():
    with subprocess.Popen(
        [sys.executable, "-m", "medcnn", "plan", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


def test_a_missing_folder_names_its_nearest_sibling(medcnn, tmp_path):
    (tmp_path / "chest_xray").mkdir()
    done = medcnn("train", "data=chest_xray", f"data.root={tmp_path / 'chest_xry'}")
    assert done.returncode == 2
    assert f"did you mean {tmp_path / 'chest_xray'}?" in done.stderr


def test_an_empty_class_and_a_single_class_end_in_one_message(medcnn, tmp_path, monkeypatch):
    (tmp_path / "train" / "NORMAL").mkdir(parents=True)
    (tmp_path / "train" / "PNEUMONIA").mkdir()
    monkeypatch.chdir(tmp_path)
    done = medcnn("train", "data=chest_xray", f"data.root={tmp_path}")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_word_with_quotes_and_spaces_reaches_the_command(medcnn):
    done = medcnn("check", "it's, [absent]")
    assert done.returncode == 2
    assert "it's, [absent]" in done.stderr


def test_several_plain_words_are_a_list_and_those_of_an_option_are_its_own(medcnn):
    done = medcnn("check", "layers", "relu", "my.Layer's", "--cfg", "job")
    assert done.returncode == 0, done.stderr
    found = OmegaConf.create(done.stdout)
    assert (found.what, found.names) == ("layers", ["relu", "my.Layer's"])


@pytest.mark.parametrize("written", [["--width=0.05"], ["--width", "0.05"], ["-w"]])
def test_an_option_that_is_none_says_how_a_key_is_written(medcnn, written):
    done = medcnn("plan", "sensitivity=0.9", *written)
    assert done.returncode == 2
    assert "There is no option" in done.stderr
    assert "what to do: write w" in done.stderr


def test_the_version_is_that_of_the_package(medcnn):
    assert medcnn("--version").stdout == f"medcnn {__version__}\n"


def test_overrides_may_stand_behind_an_option(medcnn):
    done = medcnn("plan", "--cfg", "job", "width=0.05")
    assert done.returncode == 0, done.stderr
    assert OmegaConf.create(done.stdout).width == 0.05
