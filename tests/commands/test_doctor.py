import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medcnn.cli import run
from medcnn.commands.installation import examine_installation, versions
from medcnn.io.conformance.example import file_of

ROOT = Path(__file__).resolve().parents[2]
RAMP = np.tile(np.arange(256, dtype=np.uint16) * 16, (256, 1))


@pytest.fixture
def doctor(capsys):
    def call(*arguments):
        code = run("doctor", [str(argument) for argument in arguments])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return call


def test_torch_is_not_needed():
    code = (
        "import sys; from medcnn.cli import run; code = run('doctor', sys.argv[1:]);"
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "docs"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_broken_file_does_not_stop_a_folder(tmp_path, doctor):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "lateral.dcm").write_bytes(file_of(RAMP, ViewPosition="LL"))
    (tmp_path / "cut.dcm").write_bytes(file_of(RAMP)[:-900])
    (tmp_path / "named.dcm").write_bytes(file_of(RAMP, PatientName="Secret^Person"))
    (tmp_path / "README.txt").write_text("notes")
    (tmp_path / ".hidden").write_text("left out")
    (tmp_path / "dangling.dcm").symlink_to(tmp_path / "absent")
    done = doctor(tmp_path, f"output={tmp_path / 'report.json'}")
    assert done.returncode == 0, done.stderr
    assert "Secret" not in done.stdout + done.stderr
    for words in (
        "ends too early",
        "a lateral view",
        "identifying tags: PatientName",
        "there is no such file",
        "what to do",
    ):
        assert words in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["files"], report["readable"]) == (5, 2)
    found = {entry["kind"]: entry for entry in report["findings"]}
    assert found["lateral_view"]["examples"] == ["deep/lateral.dcm"]
    assert found["truncated"]["severity"] == "error"
    assert found["identifying_tags"]["details"] == ["PatientName"]
    assert report["counts"] == {"error": 2, "warning": 1, "privacy": 1, "note": 1}


def test_one_file_is_examined_alone(tmp_path, doctor):
    (tmp_path / "a.dcm").write_bytes(file_of(RAMP, Modality="CT"))
    done = doctor(tmp_path / "a.dcm")
    assert done.returncode == 0
    assert "not a radiograph (Modality CT)" in done.stdout
    assert "1 of 1 file can be read" in done.stdout


def test_a_large_folder_can_be_sampled(tmp_path, doctor):
    for number in range(6):
        (tmp_path / f"{number}.dcm").write_bytes(file_of(RAMP))
    done = doctor(tmp_path, "limit=3")
    assert "examining 3 of 6 files, evenly spaced" in done.stdout
    assert "3 of 3 files can be read" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/no/such/place"], "path does not exist"),
        ([ROOT / "docs", "limit=0"], "limit cannot be 0"),
    ],
)
def test_what_cannot_be_examined_is_one_message(arguments, words, doctor):
    done = doctor(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_what_holds_no_files_gets_no_clean_bill(tmp_path, doctor):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".hidden").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, found in (
        ("folder", "hidden files at most"),
        ("pipe", "neither a file nor a folder"),
    ):
        done = doctor(tmp_path / name)
        assert done.returncode == 2
        assert "nothing to examine" in done.stderr
        assert found in done.stderr


def test_this_installation_reads_everything(tmp_path):
    found = [item for item in examine_installation(tmp_path) if item.kind != "cache"]
    assert found == []
    assert any(line.startswith("pydicom ") for line in versions())


def test_without_decoders_the_installation_says_what_is_missing(tmp_path):
    code = (
        "import sys; sys.modules['pylibjpeg'] = None;"
        "from pathlib import Path; from medcnn.commands.installation import examine_installation;"
        "[print(item.kind, item.problem) for item in examine_installation(Path('.'))]"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert "missing_decoder files in JPEG Lossless" in done.stdout
    assert "wrong_reading" not in done.stdout
