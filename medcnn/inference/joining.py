"""Parts of a prediction joined: what other processes or machines left beside the output.

A finished part is a file of its own, there as a whole or not at all. It names the model, the list of
files and the settings that it was made with, and none that differs in one of them is taken.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medcnn.console import say, warn
from medcnn.errors import DataError
from medcnn.inference.ledger import Ledger, made_otherwise
from medcnn.inference.quick import QuickPanel
from medcnn.inference.settings import Predict
from medcnn.inference.share import Share, shares_beside


@dataclass(frozen=True)
class Watch:
    """What a process saw of the differences between quick and exact answers.

    Attributes:
        largest: The largest difference of a probability.
        given_up: Why it computed everything exactly; empty where it did not, or was asked to.
    """

    largest: float = 0.0
    given_up: str = ""


@dataclass(frozen=True)
class Joined:
    """The parts that were found.

    Attributes:
        shares: Those joined.
        watch: What their processes saw.
        rows: How many rows came from them.
    """

    shares: tuple[Share, ...] = ()
    watch: Watch = field(default=Watch())
    rows: int = 0


def identity_of_part(
    identity: Mapping[str, object], options: Predict, files: str
) -> dict[str, Any]:
    """Return what tells a part from another prediction's, as plain values.

    Args:
        identity: Of the prediction.
        options: What is asked for.
        files: The hash of the list of files.
    """
    return {
        **identity,
        "files": files,
        "batch_size": options.inference.batch_size,
        "exact": options.exact,
        "tolerance": options.tolerance,
    }


def finish(ledger: Ledger, quick: QuickPanel) -> None:
    """Note in a part's ledger that it is whole, and what was seen of quick answers."""
    ledger.note("rows", ledger.count())
    ledger.note("largest", quick.largest)
    ledger.note("given_up", quick.given_up)


def stands(share: Share, options: Predict, identity: Mapping[str, object]) -> bool:
    """Return whether a part is there already.

    Raises:
        DataError: If it is another prediction's, or damaged.
    """
    path = share.path(options.output)
    if not options.resume:
        path.unlink(missing_ok=True)
    if not path.is_file():
        return False
    with _opened(path, identity):
        return True


def find_parts(options: Predict, identity: Mapping[str, object]) -> list[Share]:
    """Return the finished parts beside the output that are to be joined, and say what is missing.

    Args:
        options: What is asked for.
        identity: Of its parts.

    Raises:
        DataError: If a part is another prediction's, or damaged.
    """
    finished, begun = shares_beside(options.output)
    if not options.resume:
        if finished:
            warn(f"resume=false: {len(finished)} parts beside {options.output} are not read")
        return []
    for share in finished:
        with _opened(share.path(options.output), identity):
            pass
    _tell(finished, begun)
    return finished


def join(
    ledger: Ledger, shares: Sequence[Share], options: Predict, identity: Mapping[str, object]
) -> Joined:
    """Put the rows of parts into the ledger of the whole.

    Args:
        ledger: Of the whole prediction.
        shares: What ``find_parts`` returned.
        options: What is asked for.
        identity: Of the parts.
    """
    rows, watches = 0, [Watch()]
    for share in shares:
        with _opened(share.path(options.output), identity) as base:
            ledger.extend_columns(_get(base, "columns") or [])
            rows += ledger.adopt(base.execute("SELECT * FROM files"))
            watches.append(Watch(_get(base, "largest"), _get(base, "given_up")))
    if shares:
        say(f"joined       {len(shares)} parts, {rows} rows")
    reasons = [watch.given_up for watch in watches if watch.given_up]
    watch = Watch(max(watch.largest for watch in watches), reasons[0] if reasons else "")
    return Joined(tuple(shares), watch, rows)


def _tell(finished: list[Share], begun: list[Share]) -> None:
    if begun:
        warn(
            f"{_listed(begun)} not finished (stopped, or still at work): what no finished part "
            "holds is predicted now"
        )
    wanted = {Share(number, share.of) for share in finished for number in range(1, share.of + 1)}
    missing = sorted(wanted - {*finished, *begun})
    if missing:
        warn(f"{_listed(missing)} missing: what no part holds is predicted now")


def _listed(shares: list[Share]) -> str:
    shown = ", ".join(map(str, shares[:8])) + (", …" if len(shares) > 8 else "")
    return f"part {shown} is" if len(shares) == 1 else f"parts {shown} are"


@contextmanager
def _opened(path: Path, identity: Mapping[str, object]) -> Iterator[sqlite3.Connection]:
    """Open a part to read, once it is known to be of this prediction and whole.

    Raises:
        DataError: If it is neither.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            other = made_otherwise(path, _get(base, "identity"), identity, _REMEDY)
            if other is not None:
                raise other
            rows = base.execute("SELECT COUNT(*) FROM files").fetchone()[0]
            if rows != _get(base, "rows"):
                raise _damaged(path, f"{rows} rows of {_get(base, 'rows')}")
            yield base
    except (sqlite3.DatabaseError, ValueError) as error:
        raise _damaged(path, str(error)) from error


_REMEDY = (
    "run the part again with resume=false and the arguments of the others, or remove the file: its "
    "rows are predicted when the parts are joined"
)


def _damaged(path: Path, found: str) -> DataError:
    return DataError(
        f"{path} cannot be read.",
        expected="the rows of one part, as medcnn predict part=… left them",
        found=found,
        remedy=_REMEDY,
    )


def _get(base: sqlite3.Connection, key: str) -> Any:
    found = base.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if found is None else json.loads(found[0])
