"""The command itself: killed it loses nothing and sends nothing twice; told to stop, it stops."""

import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from medcnn.cli import run as command


@pytest.fixture
def start(run, tmp_path):
    """Return a function that starts the command and returns it with its ports."""
    processes = []

    def begin(*more):
        asked = ["serve", f"run={run.path}", f"spool={tmp_path / 'spool'}", "num_workers=1"]
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "medcnn.cli", *asked, "http=127.0.0.1:0", *more],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        )
        said = []
        for line in processes[-1].stdout:
            said.append(line)
            if line.startswith("ready"):
                break
        found = re.findall(r"127\.0\.0\.1:(\d+)(?:/docs|, to)", "".join(said))
        assert len(found) >= 1, said
        return processes[-1], *map(int, found)

    yield begin
    for process in processes:
        process.kill()
        process.wait(30)


def test_killed_between_taking_and_sending_nothing_is_lost_or_sent_twice(
    start, serve, archive, storescu, make_image, tmp_path
):
    # Nobody is at the archive's address at first.
    gone = archive()
    gone.close()
    doors = ("dicom=MEDCNN@127.0.0.1:0", f"send_to=ARCHIVE@127.0.0.1:{gone.port}")
    process, _, dicom = start(*doors)
    assert storescu(dicom, make_image(uid="1.2.3.1"), make_image(uid="1.2.3.2"))[0] == 0
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    kept = [path for path in (tmp_path / "spool").glob("re*/*") if path.is_file()]
    assert len(kept) == 2
    place = archive(port=gone.port)
    options = {"dicom": doors[0][6:], "send_to": doors[1][8:], "spool": tmp_path / "spool"}
    with serve(**options) as again:
        assert storescu(again.dicom, make_image(uid="1.2.3.3"))[0] == 0
        taken = place.wait(3)
    assert len({each.SOPInstanceUID for each in taken}) == len(taken) == 3
    assert not [path for path in (tmp_path / "spool").glob("re*/*") if path.is_file()]


def test_told_to_stop_it_gives_the_answers_under_way(run, asking, make_image, capsys, tmp_path):
    found = []

    def use():
        while (port := re.search(r"127\.0\.0\.1:(\d+)/docs", "".join(said))) is None:
            said.append(capsys.readouterr().out)
        found.append(asking(int(port[1]), "POST", "/predict", make_image()).status)
        os.kill(os.getpid(), signal.SIGTERM)

    said = []
    threading.Thread(target=use, daemon=True).start()
    given = [f"run={run.path}", f"spool={tmp_path / 'spool'}", "http=127.0.0.1:0", "num_workers=1"]
    assert command("serve", given) == 0
    assert found == [200]
    assert "stopped" in "".join([*said, capsys.readouterr().out])


def test_what_cannot_be_served_is_said_at_once(run, capsys, tmp_path):
    given = [f"run={run.path}", f"spool={tmp_path / 'spool'}"]
    assert command("serve", [*given, "http=0.0.0.0:0"]) == 2
    assert "token_file=FILE" in capsys.readouterr().err
    assert command("serve", [f"run={tmp_path / 'none'}"]) == 2
    assert not (tmp_path / "spool").exists()
