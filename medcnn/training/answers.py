"""What a process is given to do with others, what it comes to, and how that is told."""

from __future__ import annotations

import pickle
import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.distributed

from medcnn.console import CONSOLE, ERRORS
from medcnn.errors import MedcnnError

GRACE_SECONDS = 10.0
"""How long the others have to tell what befell them, once one has failed."""


class RankError(MedcnnError):
    """A process of a training was ended from outside."""


class RemoteTraceback(Exception):  # noqa: N818  the cause of an error of another process
    """Where in another process an error arose."""


@dataclass(frozen=True)
class Work:
    """A piece of work that all do together.

    Attributes:
        content: The function that does it, and its arguments, pickled.
        folder: The working folder, which paths are relative to.
        needed: What each has to find on its disk.
        meeting: Host and port of the store where those meet who compute together.
        threads: Of each process.
    """

    content: bytes
    folder: Path
    needed: Sequence[Path]
    meeting: tuple[str, int]
    threads: int


@dataclass(frozen=True)
class End:
    """The story is told; all end with its exit code."""

    code: int


@dataclass(frozen=True)
class Answer:
    """What a process came to.

    Attributes:
        result: Of its work.
        error: What it ended in; None: it is done.
        trace: Where that arose, in another process.
    """

    result: Any = None
    error: BaseException | None = None
    trace: str = ""

    @classmethod
    def of(cls, work: Callable[..., Any], arguments: Sequence[Any]) -> Answer:
        """Do some work, whatever it ends in."""
        try:
            return cls(work(*arguments))
        except BaseException as error:  # noqa: BLE001  whatever it is, the one who asked has to know
            return cls(error=error, trace=traceback.format_exc())

    def to_bytes(self) -> bytes:
        """Return it as plain bytes: torch's own way shares memory that ends with the process."""
        try:
            found = pickle.dumps(self)
            pickle.loads(found)  # noqa: S301  some errors can be written and not read
        except Exception:  # noqa: BLE001  it is told by its text then
            text = f"{type(self.error).__name__}: {self.error}"
            found = pickle.dumps(Answer(error=RuntimeError(text), trace=self.trace))
        return found


def worst(answers: Sequence[Answer]) -> BaseException:
    """Return the error that explains the others: one that medcnn has words for first.

    What torch says of a process that is gone, a ``RuntimeError``, comes of what befell that one.
    """
    failed = [each for each in answers if each.error is not None]
    failed.sort(
        key=lambda each: (
            not isinstance(each.error, MedcnnError),
            isinstance(each.error, RuntimeError),
        )
    )
    error = failed[0].error
    assert error is not None  # noqa: S101  those without were left out
    if failed[0].trace:
        error.__cause__ = RemoteTraceback(failed[0].trace)
    return error


def be_silent() -> None:
    """Leave it to the first process to speak."""
    CONSOLE.quiet = ERRORS.quiet = True
    warnings.simplefilter("ignore")


def leave_the_others() -> None:
    """End what this process has with the others, who notice if they still wait for it.

    What a failed collective left behind could wait for ever.
    """
    if torch.distributed.is_initialized():
        parting = threading.Thread(target=torch.distributed.destroy_process_group, daemon=True)
        parting.start()
        parting.join(GRACE_SECONDS)
