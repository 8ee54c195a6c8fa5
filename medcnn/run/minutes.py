"""The minutes of a member: a journal that the journal of the whole takes over.

Members are trained in processes of their own, any of which may be killed, and the journal of the whole
is written by one process. So each member keeps what it noted beside its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medcnn.files.plain import read_object
from medcnn.notices import restored
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal

WHAT = "minutes of the member"


class Minutes(Journal):
    """Facts and warnings of one member.

    Args:
        member: Its directory.
        known: Warnings that were shown before.
        echo: Called with each new warning.
    """

    def __init__(self, member: RunDir, known: Sequence[str], echo: Any = None) -> None:
        self.run, self.path = member, member.minutes
        self._known, self._show = list(known), echo
        self._echo = self._tell
        self.facts: dict[str, Any] = {"warnings": [], "seconds": {}}
        if member.minutes.is_file():
            found = _read(member)
            self.facts |= found | {"warnings": _warnings(found)}

    def _tell(self, text: str) -> None:
        if text not in self._known and self._show is not None:
            self._show(text)


def take_over(journal: Journal, member: RunDir) -> None:
    """Take what a member noted into the journal of the whole, without showing it again."""
    if not member.minutes.is_file():  # of a member that an earlier version trained
        return
    found = _read(member)
    new = [text for text in _warnings(found) if text not in journal.facts["warnings"]]
    journal.facts["warnings"] += new
    own = ("warnings", "notices", "seconds")
    journal.note(**{key: value for key, value in found.items() if key not in own})


def _read(member: RunDir) -> dict[str, Any]:
    remedy = f"delete {member.path}; the member is then trained again"
    return dict(read_object(member.minutes, what=WHAT, remedy=remedy))


def _warnings(found: dict[str, Any]) -> list[str]:
    return restored(map(str, found.get("warnings", ())), found.get("notices", ()))
