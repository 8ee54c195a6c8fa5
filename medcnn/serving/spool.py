"""What a service has taken and not yet given away, on disk, so that a kill loses nothing.

Files have names of their own that say nothing of anybody; a report has that of its UID, so that one
made twice is one file.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from medcnn.errors import UserError

RECEIVED, RESULTS, PASSING = "received", "results", "passing"
_MARK = ".medcnn-spool"


class Spool:
    """A folder that only this user reads.

    Args:
        folder: Made where it is not there.

    Raises:
        UserError: If another service uses it, or it holds something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
            raise UserError(
                f"{folder} is no spool.",
                expected="an empty folder, or one that medcnn serve left",
                found="other files",
                remedy="give another spool=FOLDER",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        (folder / _MARK).touch(mode=0o600)
        self._lock = FileLock(folder / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"{folder} is in use.",
                expected="a spool for each service",
                found="another process that uses it",
                remedy="stop it, or give another spool=FOLDER",
            ) from error
        for name in (RECEIVED, RESULTS, PASSING):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        for path in (folder / PASSING).iterdir():
            path.unlink()  # nobody waits for it any more

    def place(self) -> Path:
        """Return a new name for what passes through and needs not survive."""
        return self.folder / PASSING / uuid.uuid4().hex

    def keep(self, content: bytes, state: str, name: str = "") -> Path:
        """Write a file that is there, whole, even if the machine stops at once.

        Args:
            content: Of the file.
            state: ``RECEIVED`` or ``RESULTS``.
            name: Of the file; by default a new one, later ones sorted behind earlier ones.
        """
        path = self.folder / state / (name or f"{uuid.uuid1().time:020d}-{uuid.uuid4().hex}")
        temporary = self.place()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync(path.parent)
        return path

    def files(self, state: str) -> list[Path]:
        """Return what is there, the oldest first."""
        return sorted((self.folder / state).iterdir())

    def close(self) -> None:
        """Let another service have it."""
        self._lock.release()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
