"""What waits goes together, a lone image goes alone, and a failure is its own batch's."""

import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from medcnn.inference.files import Reading
from medcnn.serving.measuring import Meter
from medcnn.serving.queueing import FullError, Queue


class Ready:
    """Readers that have read everything already."""

    def submit(self, path):
        done = Future()
        done.set_result(Reading(path, None, None, None))
        return done

    def close(self):
        pass


class Gate:
    """A judge that waits for leave, and remembers its batches."""

    def __init__(self):
        self.go, self.batches, self.begun = threading.Event(), [], threading.Semaphore(0)

    def __call__(self, readings):
        self.batches.append([reading.path.name for reading in readings])
        self.begun.release()
        self.go.wait(30)
        if self.batches[-1] == ["bad"]:
            raise ArithmeticError("bad")
        return [{"name": reading.path.name} for reading in readings]


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def queue(gate):
    made = Queue(Ready(), gate, size=6, batch_size=3, meter=Meter())
    yield made
    gate.go.set()
    made.close()


def test_images_that_wait_go_through_together_up_to_the_batch(queue, gate):
    first = queue.submit(Path("0"))
    gate.begun.acquire()
    rest = [queue.submit(Path(str(number))) for number in range(1, 6)]
    with pytest.raises(FullError):
        queue.submit(Path("6"))
    gate.go.set()
    found = [future.result(30)["name"] for future in (first, *rest)]
    assert found == list("012345")
    assert gate.batches == [["0"], ["1", "2", "3"], ["4", "5"]]
    assert queue.submit(Path("7")).result(30) == {"name": "7"}


def test_a_batch_that_fails_tells_those_in_it_and_the_next_goes_on(queue, gate):
    gate.go.set()
    with pytest.raises(ArithmeticError, match="bad"):
        queue.submit(Path("bad")).result(30)
    assert queue.submit(Path("good")).result(30) == {"name": "good"}
    assert queue.is_alive


def test_who_leaves_does_not_stop_the_others(queue, gate):
    first = queue.submit(Path("0"))
    assert not first.cancel()
    gate.go.set()
    assert first.result(30) == {"name": "0"}


def test_closing_answers_what_is_under_way_and_takes_nothing_more(queue, gate):
    waiting = [queue.submit(Path(str(number))) for number in range(4)]
    gate.go.set()
    queue.close()
    assert [future.result(0)["name"] for future in waiting] == list("0123")
    with pytest.raises(FullError):
        queue.submit(Path("4"))
