"""What has been predicted of a folder so far: a file beside the output that survives any end.

One SQLite row a file, written in batches, each whole or not at all. A prediction that was stopped
goes on after its last batch; one that is repeated computes only what is new or has changed. The file
says which model wrote it, and no other adds to it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcnn.errors import DataError, UserError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    name TEXT PRIMARY KEY, size INTEGER, modified INTEGER, place INTEGER,
    p REAL, patient TEXT, exact INTEGER, row TEXT NOT NULL
) WITHOUT ROWID;
"""
SLICE = 1000


@dataclass(frozen=True)
class Stamp:
    """What tells that a file is unchanged: its bytes and its time of change in nanoseconds."""

    size: int = -1
    modified: int = -1

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Return the stamp of a file; of one that cannot be looked at, the empty one."""
        try:
            found = path.stat()
        except OSError:
            return cls()
        return cls(found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class Entry:
    """One file's row.

    Attributes:
        name: The file, relative to the input.
        place: Its place in the order of the input.
        stamp: What the file was when it was read.
        row: The columns of the table; ``p_abnormal`` is None where it could not be predicted.
        exact: Whether it was computed without any approximation.
    """

    name: str
    place: int
    stamp: Stamp
    row: Mapping[str, Any]
    exact: bool


class Ledger:
    """The rows of one output.

    Args:
        path: The file; it is made where there is none.
        identity: Plain values that name the model and how it looks.
        resume: Whether rows that are there are kept.

    Raises:
        DataError: If the file is none, or holds the rows of another model.
        UserError: If another process is writing it.
    """

    def __init__(self, path: Path, identity: Mapping[str, object], *, resume: bool) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(path, timeout=1.0, isolation_level=None)
        try:
            # The lock stays until the file is closed, or the process ends in whatever way.
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("BEGIN EXCLUSIVE")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                self._base.execute(statement)
            if not resume:
                self._base.execute("DELETE FROM files")
                self._base.execute("DELETE FROM meta")
            self._claim(identity)
            self._base.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._base.close()
            raise _not_opened(path, error) from error
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise _no_ledger(path, str(error)) from error
        except DataError:
            self._base.close()
            raise

    def _claim(self, identity: Mapping[str, object]) -> None:
        saved = self._get("identity")
        if saved is None:
            self._set("identity", dict(identity))
            return
        remedy = "give another output=, or resume=false to begin it anew"
        other = made_otherwise(self.path, saved, identity, remedy)
        if other is not None:
            raise other

    def __enter__(self) -> Ledger:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; what was added is in it."""
        self._base.close()

    def begin(self) -> None:
        """Begin a walk through the input: no row has a place until it is met again."""
        self._base.execute("UPDATE files SET place = NULL WHERE place IS NOT NULL")

    def find(self, name: str, stamp: Stamp) -> tuple[float | None, bool] | None:
        """Return probability and exactness of a file that has not changed, or None."""
        found = self._base.execute(
            "SELECT p, exact FROM files WHERE name = ? AND size = ? AND modified = ?",
            (name, stamp.size, stamp.modified),
        ).fetchone()
        return None if found is None else (found[0], bool(found[1]))

    def keep(self, places: Iterable[tuple[int, str]]) -> None:
        """Give rows that are there their places."""
        self._base.execute("BEGIN")
        self._base.executemany("UPDATE files SET place = ? WHERE name = ?", places)
        self._base.execute("COMMIT")

    def add(self, entries: Iterable[Entry]) -> None:
        """Write rows, all or none; a file's earlier row is replaced."""
        self._base.execute("BEGIN")
        self._base.executemany(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    *(entry.name, entry.stamp.size, entry.stamp.modified, entry.place),
                    *(entry.row.get("p_abnormal"), entry.row.get("patient_id"), entry.exact),
                    json.dumps(dict(entry.row), ensure_ascii=False),
                )
                for entry in entries
            ),
        )
        self._base.execute("COMMIT")

    def adopt(self, rows: Iterable[Sequence[Any]]) -> int:
        """Take the rows of a part, all or none, and return how many; what is predicted here stays.

        Args:
            rows: As they lie in the part's own table.
        """
        before = self._base.total_changes
        self._base.execute("BEGIN")
        self._base.executemany(
            "INSERT OR REPLACE INTO files SELECT ?1, ?2, ?3, NULL, ?5, ?6, ?7, ?8 WHERE NOT EXISTS "
            "(SELECT 1 FROM files WHERE name = ?1 AND size = ?2 AND modified = ?3 AND p NOT NULL)",
            rows,
        )
        self._base.execute("COMMIT")
        return self._base.total_changes - before

    def slices(self, size: int = SLICE) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of this walk in its order, some at a time.

        Raises:
            DataError: If the file was damaged.
        """
        try:
            cursor = self._base.execute(
                "SELECT row FROM files WHERE place IS NOT NULL ORDER BY place"
            )
            while some := cursor.fetchmany(size):
                yield [json.loads(row) for (row,) in some]
        except (sqlite3.DatabaseError, ValueError) as error:
            raise _no_ledger(self.path, str(error)) from error

    def probabilities(self) -> Iterator[tuple[float, str | None]]:
        """Yield the probability and the patient of each row of this walk that has one."""
        yield from self._base.execute(
            "SELECT p, patient FROM files WHERE place IS NOT NULL AND p IS NOT NULL ORDER BY place"
        )

    def count(self, *, exact: bool | None = None) -> int:
        """Return how many rows of this walk there are, or how many predicted ones are exact."""
        query = "SELECT COUNT(*) FROM files WHERE place IS NOT NULL"
        if exact is not None:
            query += " AND p IS NOT NULL AND exact = " + str(int(exact))
        return int(self._base.execute(query).fetchone()[0])

    @property
    def columns(self) -> list[str]:
        """The columns that rows have had so far, in the order in which they came."""
        return list(self._get("columns") or [])

    def extend_columns(self, names: Iterable[str]) -> None:
        """Remember columns that are new."""
        known = self.columns
        wider = [*known, *(name for name in names if name not in known)]
        if wider != known:
            self._set("columns", wider)

    def note(self, key: str, value: str | float) -> None:
        """Keep a fact beside the rows."""
        self._set(key, value)

    def _get(self, key: str) -> Any:
        found = self._base.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        try:
            return None if found is None else json.loads(found[0])
        except ValueError as error:
            raise _no_ledger(self.path, str(error)) from error

    def _set(self, key: str, value: Any) -> None:
        self._base.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))


def made_otherwise(
    path: Path, saved: Any, identity: Mapping[str, object], remedy: str
) -> DataError | None:
    """Return the error for rows that were made in another way than is asked for; None for the same.

    Args:
        path: Where they lie.
        saved: What stands there of how they were made.
        identity: How they would be made now.
        remedy: What to do.
    """
    wanted = json.loads(json.dumps(dict(identity)))
    if saved == wanted:
        return None
    known: dict[str, Any] = saved if isinstance(saved, dict) else {}
    other = [key for key in wanted if known.get(key) != wanted[key]] if known else []
    return DataError(
        f"{path} holds predictions that were made in another way.",
        expected=f"the same {', '.join(other) or 'model'} as when it was begun",
        found="; ".join(
            f"{key} was {str(known.get(key))[:60]}, is {str(wanted[key])[:60]}" for key in other
        ),
        remedy=remedy,
    )


def ledger_path(output: Path) -> Path:
    """Return where the ledger of an output lies: beside it."""
    return output.with_name(f"{output.name}.ledger")


def _no_ledger(path: Path, found: str) -> DataError:
    return DataError(
        f"{path} cannot be read.",
        expected="the rows that medcnn predict left beside its output",
        found=found,
        remedy="remove it, and all files are predicted anew; or give another output=",
    )


def _not_opened(path: Path, error: sqlite3.OperationalError) -> UserError:
    if "locked" in str(error):
        return UserError(
            f"{path} is in use.",
            expected="one medcnn predict for one output",
            found="another process that is writing it",
            remedy="wait for it, or give another output=",
        )
    return _no_ledger(path, str(error))
