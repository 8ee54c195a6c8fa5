"""A thread that works when something has arrived, and ends when it is told to."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class Worker(ABC):
    """One thread of its own; who extends it begins it by ``_begin`` once all that it needs is there.

    Attributes:
        _wake: Set when something has arrived; to be cleared before looking for it.
        _closed: Set when the work is to end.
    """

    def _begin(self, name: str) -> None:
        self._wake, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @abstractmethod
    def _work(self) -> None:
        """Work until ``_closed`` is set."""

    def arrived(self) -> None:
        """Say that there is something to do."""
        self._wake.set()

    def close(self) -> None:
        """End after what is under way; what is left stays in the spool."""
        self._closed.set()
        self._wake.set()
        self._thread.join()
