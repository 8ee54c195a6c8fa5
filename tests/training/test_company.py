"""The processes of a company as threads of one; real ones are started in test_torchrun.py."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from torch._C._distributed_c10d import TCPStore

from medcnn.errors import ConfigError, DataError
from medcnn.training import company as module
from medcnn.training.answers import RankError
from medcnn.training.board import Board
from medcnn.training.company import Company
from medcnn.training.launch import Launch

WORDS = ("train", "seed=1")


@pytest.fixture
def three(monkeypatch):
    """Return three of one company."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)

    def one(rank):
        own = TCPStore("127.0.0.1", store.port, is_master=False)
        return Company(Launch(rank, 3, rank, 3), "127.0.0.1", Board(own))

    companies = [one(rank) for rank in range(3)]
    yield companies
    assert store.num_keys() > 0  # it is there to the end


@pytest.fixture
def impatient(monkeypatch):
    for name in ("GRACE", "PATIENCE"):
        monkeypatch.setattr(module, name, timedelta(seconds=0.2))


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_the_others_wait_work_and_end_with_the_first(three, threads, tmp_path):
    first, *others = three
    for each in others:
        each.check_words(WORDS)
    first.check_words(WORDS)
    codes = [threads.submit(each.follow) for each in others]
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert first.do(str.upper, ("abc",), [folder]) == "ABC"
        assert first.do(os.listdir, (folder,), [folder]) == []
    first.end(3)
    assert [code.result() for code in codes] == [3, 3]


def test_other_commands_and_processes_that_do_not_come_are_refused(three, impatient):
    first, second, third = three
    second.check_words(WORDS)
    with pytest.raises(ConfigError, match="Not all processes"):
        first.check_words(WORDS)
    third.check_words(("train", "seed=2"))
    with pytest.raises(ConfigError, match=r"same command(.|\n)*process 3(.|\n)*seed=2"):
        first.check_words(WORDS)


def here(path):
    return path.exists()


def test_one_that_does_not_see_the_disk_is_told_of_by_the_first(three, threads, tmp_path):
    first, *others = three
    codes = [threads.submit(each.follow) for each in others]
    absent = tmp_path / "on_one_machine"
    with pytest.raises(ConfigError, match=rf"same disk(.|\n)*{absent}(.|\n)*run_dir"):
        first.do(here, (absent,), [absent])
    first.end(2)
    assert [code.result() for code in codes] == [2, 2]


def fail(mine, thread):
    error = mine[threading.get_ident() != thread]
    if error is not None:
        raise error


def test_what_there_are_words_for_explains_what_torch_says(three, threads):
    first, *others = three
    codes = [threads.submit(each.follow) for each in others]
    wrong = DataError("An image is broken.", expected="a whole one", found="half of one")
    with pytest.raises(DataError, match="is broken"):
        first.do(fail, ((RuntimeError("closed by peer"), wrong), threading.get_ident()), [])
    first.end(2)
    assert [code.result() for code in codes] == [2, 2]


def test_what_befell_the_first_alone_is_told_as_it_is(three, threads):
    first, *others = three
    codes = [threads.submit(each.follow) for each in others]
    full = OSError("No space left on device")
    with pytest.raises(OSError, match="No space"):
        first.do(fail, ((full, None), threading.get_ident()), [])
    first.end(2)
    assert [code.result() for code in codes] == [2, 2]


def test_one_that_is_gone_is_told_and_one_that_is_left_tells_itself(
    three, threads, impatient, capsys
):
    first, second, _ = three
    code = threads.submit(second.follow)
    with pytest.raises(RankError, match=r"Process [23] of 3(.|\n)*resume="):
        first.do(int, ("x",), [])
    assert code.result() == 1
    assert "process 2 of 3" in capsys.readouterr().err
