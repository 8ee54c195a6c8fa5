import threading

import pytest

from medcnn.serving.worker import Worker


class Counting(Worker):
    def __init__(self):
        self.done, self.seen = 0, threading.Event()
        self._begin("counting")

    def _work(self):
        while not self._closed.is_set():
            self._wake.wait()
            self._wake.clear()
            if not self._closed.is_set():
                self.done += 1
                self.seen.set()


def test_it_works_once_for_an_arrival_and_ends_when_it_is_closed():
    worker = Counting()
    worker.arrived()
    assert worker.seen.wait(10)
    worker.close()
    assert worker.done == 1 and not worker._thread.is_alive()


def test_a_worker_without_work_cannot_be_made():
    with pytest.raises(TypeError, match="_work"):
        Worker()
