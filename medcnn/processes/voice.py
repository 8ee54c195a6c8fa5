"""What a process beside others says: each line, and how far it has come, under the name of its task.

A process that was given a voice hands every line of its standard output and error to the one that
started it, which prints them: two that wrote to one terminal would write into each other's lines.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        name: Of the task.
        text: Without its end.
        is_error: Whether it went to standard error.
    """

    name: str
    text: str
    is_error: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a task has come.

    Attributes:
        name: Of the task.
        done: Of ``total``.
        total: What there is to do.
        words: What is under way.
    """

    name: str
    done: int
    total: int
    words: str


@dataclass(frozen=True)
class End:
    """A task has ended, and has nothing more to say."""

    name: str


Said = Line | Progress | End


class _Voice:
    """Where this process speaks to, and the task that it is at."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.name = ""

    def say(self, said: Said) -> None:
        if self.connection is not None:
            self.connection.send(said)


_VOICE = _Voice()


class Lines(io.TextIOBase):
    """A text stream whose whole lines are said.

    Args:
        is_error: Whether it stands for standard error.
    """

    def __init__(self, is_error: bool) -> None:
        self._is_error, self._begun = is_error, ""

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def fileno(self) -> int:
        """Return where the native code of this process writes to."""
        return 2 if self._is_error else 1

    def write(self, text: str) -> int:
        """Say what is whole of it, and keep the rest."""
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            _VOICE.say(Line(_VOICE.name, line, self._is_error))
        return len(text)

    def finish(self) -> None:
        """Say what is left without an end of its own."""
        if self._begun:
            self.write("\n")


def speak_to(connection: Connection) -> None:
    """Let everything that this process says go to ``connection``, from now on."""
    _VOICE.connection = connection
    sys.stdout, sys.stderr = Lines(is_error=False), Lines(is_error=True)


def is_beside_others() -> bool:
    """Return whether this process is one of several, and its parent is who speaks to the user."""
    return _VOICE.connection is not None


@contextmanager
def named(name: str) -> Iterator[None]:
    """Say everything under the name of a task for the time of a block."""
    before, _VOICE.name = _VOICE.name, name
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, Lines):
                stream.finish()
        _VOICE.name = before


def tell(done: int, total: int, words: str) -> None:
    """Tell how far this process has come with its task; alone, nobody needs to be told."""
    _VOICE.say(Progress(_VOICE.name, done, total, words))
