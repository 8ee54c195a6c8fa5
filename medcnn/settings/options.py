"""The options that a group chooses from, and the arguments that each of their files lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from medcnn.settings.composition import config_folder

_LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w\"]+):(?: +(?P<value>.*?))?(?: +# (?P<words>.*))?$")
_NOT_ARGUMENTS = ("_target_", "defaults")


@dataclass(frozen=True)
class Remark:
    """A key of a YAML file with its value as it is written there, and the remark behind it."""

    key: str
    value: str
    words: str


def options_of_group(group: str) -> list[str]:
    """Return the names of a group's options.

    >>> options_of_group("scheduler")[:2]
    ['constant', 'cosine']
    """
    return sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))


def remarks(place: str, option: str) -> list[Remark]:
    """Return the arguments that an option lists, those below others with a dot.

    Args:
        place: The group, and behind a dot the part of it: ``optimizer`` or ``data.source``.
        option: The name of the option.
    """
    group, _, part = place.partition(".")
    path = config_folder() / group / f"{option}.yaml"
    prefix = f"{part}." if part else ""
    return [
        Remark(each.key.removeprefix(prefix), each.value, each.words)
        for each in _listed(path.read_text(encoding="utf-8"))
        if each.key.startswith(prefix) and each.key.rpartition(".")[2] not in _NOT_ARGUMENTS
    ]


def summary_of(group: str, option: str) -> str:
    """Return what the first comment of an option's file says, in one line; empty without one."""
    lines = (config_folder() / group / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    said = []
    for line in lines:
        if not line.startswith("#"):
            break
        said.append(line.removeprefix("#").strip())
    return " ".join(text for text in said if text and not text.startswith("@package"))


def _listed(text: str) -> Iterator[Remark]:
    """Yield the keys that have a value, with those above them in front."""
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        indent, key = len(found["indent"]), found["key"].strip('"')
        above = [each for each in above if each[0] < indent]
        if found["value"]:
            yield Remark(
                ".".join([*(name for _, name in above), key]), found["value"], found["words"] or ""
            )
        else:
            above.append((indent, key))
