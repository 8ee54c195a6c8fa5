"""Real faults: a device without space, an allocation that no machine can serve."""

import errno
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from medcnn.errors import StorageError, UserError
from medcnn.run.faults import explained, foreseen

BATCH = 32


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_with_the_way_to_go_on(tmp_path):
    with pytest.raises(UserError, match=f"resume={tmp_path}"), foreseen(tmp_path, BATCH):
        handle = os.open("/dev/full", os.O_WRONLY)
        try:
            os.write(handle, b"x")
        finally:
            os.close(handle)


@pytest.mark.parametrize("ask", [lambda: torch.empty(10**16), lambda: np.empty(10**16)])
def test_exhausted_memory_is_told_with_a_smaller_batch(ask, tmp_path):
    with pytest.raises(UserError, match=r"data\.batch_size=16"), foreseen(tmp_path, BATCH):
        ask()


def test_other_faults_pass_unchanged(tmp_path):
    error = RuntimeError("shape mismatch")
    with pytest.raises(RuntimeError, match="shape mismatch"), foreseen(tmp_path, BATCH):
        raise error
    assert explained(error, tmp_path, BATCH) is None
    assert explained(FileNotFoundError(2, "No such file"), tmp_path, BATCH) is None


def test_an_interruption_says_how_to_go_on_only_where_there_is_a_checkpoint(tmp_path, capfd):
    with pytest.raises(KeyboardInterrupt), foreseen(tmp_path, BATCH):
        raise KeyboardInterrupt
    assert "resume=" not in capfd.readouterr().out
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    with pytest.raises(KeyboardInterrupt), foreseen(tmp_path, BATCH):
        raise KeyboardInterrupt
    assert "resume=" in capfd.readouterr().out


def test_a_member_goes_on_with_the_run_it_belongs_to(tmp_path, capfd):
    member = tmp_path / "members" / "1"
    (tmp_path / "members" / "0" / "checkpoints").mkdir(parents=True)
    (tmp_path / "members" / "0" / "checkpoints" / "last.ckpt").touch()
    with pytest.raises(KeyboardInterrupt), foreseen(member, BATCH):
        raise KeyboardInterrupt
    assert f"resume={tmp_path}\n" in capfd.readouterr().out


def test_a_run_directory_that_vanished_is_named(tmp_path):
    gone = tmp_path / "run"
    with pytest.raises(UserError, match="is gone"), foreseen(gone, 32):
        (gone / "metrics.csv").read_text()


class Deadly(torch.utils.data.Dataset):
    """Images whose loader is killed, as a kernel short of memory does it."""

    def __len__(self):
        return 8

    def __getitem__(self, row):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.filterwarnings("ignore")
def test_a_loader_that_was_killed_is_told_with_the_way_to_go_on(tmp_path):
    loader = torch.utils.data.DataLoader(Deadly(), num_workers=1)
    with pytest.raises(UserError, match=r"was killed(.|\n)*resume="), foreseen(tmp_path, 32):
        next(iter(loader))


def test_a_lost_network_drive_is_no_fault_of_medcnn():
    told = StorageError.of(OSError(errno.ESTALE, "Stale file handle", "/mnt/scans/1.dcm"))
    assert "/mnt/scans/1.dcm" in str(told) and told.exit_code == 2
