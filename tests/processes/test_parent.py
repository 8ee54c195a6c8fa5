"""A child, and a parent that is killed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

ORPHANS = """
import multiprocessing, os, time
from medcnn.processes.parent import end_with
def work(parent):
    end_with(parent)
    time.sleep(60)
child = multiprocessing.get_context("fork").Process(target=work, args=(os.getpid(),))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_child_ends_with_a_killed_parent():
    parent = subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = Path("/proc") / parent.stdout.readline().decode().strip()
    parent.kill()
    parent.wait(60)
    for _ in range(100):
        if not child.exists() or "State:\tZ" in (child / "status").read_text():
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent")
