"""What can befall a run that is no fault of medcnn: a full or lost disk, no memory, an interruption."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medcnn.console import say
from medcnn.errors import UserError
from medcnn.settings.grammar import written

FULL = 4 * 2**20
"""A disk with fewer free bytes than this counts as full."""
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "alloc_cpu")


@contextmanager
def foreseen(run: Path, batch_size: int) -> Iterator[None]:
    """Turn a full disk and exhausted memory into one message each, and say how to go on.

    Args:
        run: The run directory, which stays usable: its files are whole or absent.
        batch_size: Images of one step.

    Raises:
        UserError: In place of the fault, if it is one of those.
    """
    try:
        yield
    except KeyboardInterrupt:
        whole = _whole(run)
        if any(whole.rglob("last.ckpt")):
            say(f"stopped; go on with  medcnn train {written('resume', whole)}")
        raise
    except (OSError, MemoryError, RuntimeError) as error:
        told = explained(error, run, batch_size)
        if told is None:
            raise
        raise told from error


def explained(error: BaseException, run: Path, batch_size: int) -> UserError | None:
    """Return what to tell the user of a fault; None if it is none of those foreseen here."""
    if _is_full(error, run):
        return UserError(
            f"There is no space left on the disk of {run}.",
            expected="room for checkpoints, predictions and the report",
            found=str(error).splitlines()[0],
            remedy=f"make room, then medcnn train {written('resume', _whole(run))}",
        )
    if not run.is_dir():
        return UserError(
            f"The run directory {run} is gone.",
            expected="the folder that this training began in",
            found=(str(error).splitlines() or ["no such folder"])[0][:200],
            remedy="see whether the disk or network drive is still there; what was deleted is lost",
        )
    text = str(error).lower()
    if "dataloader worker" in text:
        return UserError(
            "A process that loads images was killed.",
            expected="loader processes that live as long as the training",
            found=str(error).splitlines()[0][:200],
            remedy=f"go on by medcnn train {written('resume', _whole(run))}; if memory was short, "
            "begin another run with data.num_workers=0",
        )
    if isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY):
        return UserError(
            "The memory does not hold this training.",
            expected="room for a batch with its activations and gradients",
            found=(str(error).splitlines() or ["no memory left"])[0][:200],
            remedy=f"try data.batch_size={max(2, batch_size // 2)} "
            f"trainer.accumulate_grad_batches=2, a smaller data.image_size, or a smaller model",
        )
    return None


def _whole(run: Path) -> Path:
    """Return the run that goes on: the one that a member, or a fold, belongs to."""
    return run.parent.parent if run.parent.name == "members" else run


def _is_full(error: BaseException, run: Path) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # torch.save tells of a failed write, but not why.
    writing = "writing file" in str(error) or "PytorchStreamWriter" in str(error)
    return writing and shutil.disk_usage(run).free < FULL
