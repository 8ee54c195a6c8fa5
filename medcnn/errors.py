"""Typed errors that compose their own text from facts.

Every error a user can cause says three things: what was expected, what came, and what to do. The
command line prints the text on stderr, without a traceback, and exits with ``exit_code``.
"""

from __future__ import annotations

import difflib
import errno
import importlib.util
import os
from collections.abc import Iterable

from medcnn.version import how_to_install


class MedcnnError(Exception):
    """A fault that medcnn foresaw; its text is meant for the user.

    Args:
        problem: What is wrong, in one sentence.
        expected: What would have been right.
        found: What came instead.
        remedy: What the user can do about it.
    """

    exit_code = 1

    def __init__(
        self, problem: str, *, expected: str = "", found: str = "", remedy: str = ""
    ) -> None:
        self.problem, self.expected, self.found, self.remedy = problem, expected, found, remedy
        super().__init__(self._compose())

    def _compose(self) -> str:
        lines = [self.problem]
        parts = (("expected", self.expected), ("found", self.found), ("what to do", self.remedy))
        lines += [f"  {name}: {text}" for name, text in parts if text]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Worker processes send errors back by pickle, which would drop keyword-only arguments.
        return _rebuild, (type(self), self.__dict__.copy(), self.args)


def _rebuild(
    kind: type[MedcnnError], state: dict[str, object], args: tuple[object, ...]
) -> MedcnnError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UserError(MedcnnError):
    """A fault in what the user gave: exit code 2."""

    exit_code = 2


class ConfigError(UserError):
    """An override, key, group or value that the configuration cannot take."""


class DataError(UserError):
    """A data set, manifest, split or predictions table that cannot be used."""


class ImageError(DataError):
    """One file that does not end as pixels; a run quarantines it and goes on.

    Args:
        path: The file.
        problem: What is wrong with it.
        kind: A stable word for counting: ``missing_decoder``, ``no_pixels``, ``truncated``,
            ``not_an_image``, ``too_large``, ``unsupported``, ``corrupt``.
    """

    def __init__(
        self,
        path: object,
        problem: str,
        *,
        kind: str,
        expected: str = "",
        found: str = "",
        remedy: str = "",
    ) -> None:
        self.path, self.kind = str(path), kind
        super().__init__(f"{path}: {problem}", expected=expected, found=found, remedy=remedy)


class StorageError(UserError):
    """A place that cannot be read or written: full, protected, or not what its path says."""

    @classmethod
    def of(cls, error: OSError) -> StorageError | None:
        """Return the error that the operating system's word means; None where it may be a fault."""
        if error.errno not in _STORAGE:
            return None
        place = error.filename2 or error.filename
        return cls(
            f"{place}: cannot be read or written." if place else "A file cannot be written.",
            found=os.strerror(error.errno),
            remedy=_STORAGE[error.errno],
        )


_STORAGE = (
    dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "check who may read and write there")
    | dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room, or give another place")
    | dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), "check the path")
    | dict.fromkeys((errno.ENAMETOOLONG, errno.EIO), "give another place")
    | dict.fromkeys(
        (errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT),
        "see whether the disk or network drive is still there, then run the same command again",
    )
)


class WeightsError(UserError):
    """Model weights that cannot be had or do not fit."""


class AuditStop(MedcnnError):  # noqa: N818  a decision, not an accident
    """The data audit found a leak and ``data.audit=error``: exit code 3."""

    exit_code = 3


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice that is spelt most like ``word``, or None where none is close.

    >>> nearest("resnet81", ["resnet18", "densenet121"])
    'resnet18'
    """
    matches = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return matches[0] if matches else None


def require_pyarrow(instead: str) -> None:
    """Refuse a Parquet file where there is nothing to read or write it with.

    Args:
        instead: What to give then.

    Raises:
        ConfigError: If pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise ConfigError(
            "Parquet files are read and written by pyarrow, which is not installed.",
            expected=f"the extra: {how_to_install('parquet')}",
            found="no pyarrow",
            remedy=f"install it, or give {instead}",
        )


def require_packages(packages: Iterable[str], extra: str, what: str) -> None:
    """Refuse what needs an extra that is not installed.

    Args:
        packages: By the names they are imported by.
        extra: Of medcnn, that brings them.
        what: Needs them, as the user knows it.

    Raises:
        ConfigError: If one of them is not installed.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"{what} needs {', '.join(missing)}.",
            expected=f"the extra {extra}",
            found=f"no {', '.join(missing)}",
            remedy=how_to_install(extra),
        )


def unknown_name(what: str, word: str, choices: Iterable[str]) -> ConfigError:
    """Return the error for a name that is not among ``choices``, with the nearest valid one."""
    known = sorted(choices)
    guess = nearest(word, known)
    return ConfigError(
        f"There is no {what} named {word!r}.",
        expected=f"one of {', '.join(known)}",
        found=repr(word),
        remedy=f"did you mean {guess!r}?" if guess else "choose one of the names above",
    )


class MedcnnWarning(UserWarning):
    """Something the user did not ask for: shown on the console and repeated by the report."""
