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
    token = _asked.set(("medcnn", command, *overrides))
    try:
        yield
    finally:
        _asked.reset(token)


def asked() -> list[str]:
    """Return the words of the command; ``shlex.join`` makes of them what can be pasted."""
    return list(_asked.get((Path(sys.argv[0]).name, *sys.argv[1:])))
