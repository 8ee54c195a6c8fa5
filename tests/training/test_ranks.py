import os
import signal

import pytest
import torch.distributed as dist

from medcnn.errors import ConfigError
from medcnn.training.answers import RankError, RemoteTraceback
from medcnn.training.ranks import together


def rank():
    return int(os.environ["LOCAL_RANK"])


def meet():
    dist.init_process_group("gloo", rank=rank(), world_size=2)
    places = [None, None]
    dist.all_gather_object(places, (rank(), os.getpid()))
    return places


def test_processes_are_started_anew_and_the_first_one_answers():
    assert together(os.getenv, ("LOCAL_RANK",), 2) == "0"


def test_they_find_one_another(quick_start):
    (first, one), (second, two) = together(meet, (), 2)
    assert (first, second) == (0, 1) and len({one, two, os.getpid()}) == 3


def break_down(first, second):
    raise (first, second)[rank()]


def test_what_there_are_words_for_is_told_and_where_it_arose(quick_start):
    wrong = ConfigError("There is no such thing.", expected="a thing", found="none")
    with pytest.raises(ConfigError, match=r"such thing(.|\n)*a thing") as caught:
        together(break_down, (RuntimeError("connection closed by peer"), wrong), 2)
    assert isinstance(caught.value.__cause__, RemoteTraceback)
    assert "break_down" in str(caught.value.__cause__)


def test_a_fault_and_an_interruption_come_through_as_they_are(quick_start):
    with pytest.raises(ZeroDivisionError):
        together(break_down, (ZeroDivisionError(), RuntimeError("later")), 2)
    with pytest.raises(KeyboardInterrupt):
        together(break_down, (KeyboardInterrupt(), KeyboardInterrupt()), 2)


def meet_again():
    dist.all_gather_object([None, None], rank())


def die():
    meet()
    if rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    meet_again()


def test_a_killed_process_ends_the_others_in_one_message(quick_start):
    with pytest.raises(RankError, match=r"Process 2 of 2(.|\n)*signal 9 \(SIGKILL\)(.|\n)*resume="):
        together(die, (), 2)
    assert RankError.exit_code == 1
