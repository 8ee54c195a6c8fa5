"""Real processes side by side, whose tasks are quick."""

import os
import signal
import subprocess
import sys
import time
import warnings
from functools import partial

import pytest

from medcnn.errors import ConfigError, UserError
from medcnn.processes.together import Task, TogetherError, outcomes, raise_failed
from medcnn.processes.voice import is_beside_others

TWO = [{"SHARE": "a"}, {"SHARE": "b"}]


def work(number):
    sys.stdout.write(f"at {number}\nhalf a line")
    warnings.warn("careful", stacklevel=1)
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 4:
        raise ConfigError("not four", remedy="take five")
    if number == 5:
        raise ValueError("a fault")
    return number, os.getpid(), os.environ.get("SHARE"), is_beside_others()


def tasks(*numbers):
    return [Task(f"task {number}", partial(work, number)) for number in numbers]


def test_with_one_place_all_is_done_here():
    done = list(outcomes(tasks(1, 4, 2), [{}]))
    assert [each.result and each.result[0] for each in done] == [1, None, 2]
    assert {each.result[1] for each in done if each.result} == {os.getpid()}
    assert "not four" in str(done[1].fault)


def test_whatever_befalls_one_the_others_are_done_in_order_and_heard_by_name(capfd):
    done = list(outcomes(tasks(1, 3, 4, 2, 5, 6), TWO))
    assert [each.name for each in done] == [f"task {number}" for number in (1, 3, 4, 2, 5, 6)]
    results = {each.name: each.result for each in done if each.fault is None}
    assert {name: found[0] for name, found in results.items()} == {
        "task 1": 1,
        "task 2": 2,
        "task 6": 6,
    }
    assert {found[2] for found in results.values()} <= {"a", "b"}
    assert all(found[3] and found[1] != os.getpid() for found in results.values())
    faults = {each.name: each.fault for each in done if each.fault is not None}
    assert isinstance(faults["task 3"], UserError) and "was killed" in str(faults["task 3"])
    assert isinstance(faults["task 4"], ConfigError)
    heard = capfd.readouterr()
    for number in (1, 3, 4, 2, 5, 6):
        assert f"task {number}  at {number}\n" in heard.out
        assert number == 3 or f"task {number}  half a line\n" in heard.out
    assert "task 5  ValueError: a fault" in heard.err  # with its traceback: a fault of medcnn
    assert "task 1" in heard.err and "careful" in heard.err
    with pytest.raises(TogetherError, match="3 of 6 failed: task 3, task 4, task 5") as caught:
        raise_failed(done, "go on")
    assert caught.value.exit_code == 1
    with pytest.raises(TogetherError, match="take five") as caught:
        raise_failed(done[:3], "go on")
    assert caught.value.exit_code == 2


def test_what_befell_all_alike_is_said_once():
    with pytest.raises(ConfigError, match="not four"):
        raise_failed(list(outcomes(tasks(4, 4), [{}])), "go on")


LASTING = """
import os, sys, time
from functools import partial
from pathlib import Path
from medcnn.processes.together import Task, outcomes

def last(folder, number):
    (Path(folder) / str(number)).write_text(str(os.getpid()))
    time.sleep(600)

if __name__ == "__main__":
    tasks = [Task(str(number), partial(last, sys.argv[1], number)) for number in range(2)]
    try:
        list(outcomes(tasks, [{}, {}]))
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize(("with_what", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_no_process_outlives_its_parent(with_what, code, tmp_path):
    script = tmp_path / "lasting.py"
    script.write_text(LASTING)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stderr=subprocess.DEVNULL
    )
    children = [tmp_path / "0", tmp_path / "1"]
    until = time.monotonic() + 120
    while not all(path.is_file() and path.read_text() for path in children):
        assert time.monotonic() < until and parent.poll() is None
        time.sleep(0.1)
    os.kill(parent.pid, with_what)
    assert parent.wait(60) == code
    for path in children:
        while _runs(int(path.read_text())):
            assert time.monotonic() < until
            time.sleep(0.1)


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in open(f"/proc/{pid}/status").read()  # noqa: PTH123
