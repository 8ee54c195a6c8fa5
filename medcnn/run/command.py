"""The command that is being done, so that a run can record what repeats it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path

_asked: ContextVar[tuple[str, ...]] = ContextVar("asked")


@contextlib.contextmanager
def asking(command: str, overrides: Sequence[str]) -> Iterator[None]:
    """Say for the time of a block which command is done, from the command line or from Python.

    Args:
        command: Its name, as in ``medcnn NAME``.
        overrides: What it was given, each as one argument of a shell.
    """
    with repeating(("medcnn", command, *overrides)):
        yield


@contextlib.contextmanager
def repeating(words: Sequence[str]) -> Iterator[None]:
    """Take the words of a command over for the time of a block, in a process that does a part of it.

    Args:
        words: What ``asked`` returned in the process of the command.
    """
    token = _asked.set(tuple(words))
    try:
        yield
    finally:
        _asked.reset(token)


def asked() -> list[str]:
    """Return the words of the command; ``shlex.join`` makes of them what can be pasted."""
    return list(_asked.get((Path(sys.argv[0]).name, *sys.argv[1:])))
