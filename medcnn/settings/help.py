"""The help of a command, made of the fields of its settings and the options of its groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from medcnn.settings.composition import config_folder, groups
from medcnn.settings.fields import Component, Leaf, keys, leaves
from medcnn.settings.options import options_of_group, remarks
from medcnn.settings.reading import as_plain, words_of

FIRST = (
    "data.root",
    "data.image_size",
    "data.batch_size",
    "trainer.max_epochs",
    "optimizer.lr",
    "callbacks.patience",
    "trainer.accelerator",
)
"""What people change most, and so read first."""
FOOT = """--cfg job prints the composed configuration with every key; -m runs one job for each of
several comma-separated values; quote values that a shell would read: 'run=[RUN_A,RUN_B]'.
The reference of all keys is docs/configuration.md."""
WIDTH = 34
_COMMANDS = ("train",)
"""Commands whose keys others take too."""


@dataclass(frozen=True)
class Entry:
    """One key, as help and reference show it.

    Attributes:
        key: Its dotted name.
        default: Its default, as it is written on a command line.
        words: What it does, and the words that it may be.
    """

    key: str
    default: str
    words: str


def help_text(config_name: str, kind: type[Any]) -> str:
    """Return the help of the command that ``configs/<config_name>.yaml`` configures.

    Args:
        config_name: The file, whose first comment says what the command does.
        kind: The tree of its settings.
    """
    entries = list(entries_of(config_name, kind))
    first = [each for name in FIRST for each in entries if each.key == name]
    rest = [each for each in entries if each.key not in FIRST]
    parts = [summary(config_name)]
    if own := [each for each in rest if each.key in own_keys(config_name)]:
        parts += ["Options, as key=value:", _lines(own)]
        rest = [each for each in rest if each not in own]
    if len(first) > 2:
        parts += ["Changed most often, as key=value:", _lines(first)]
        parts += ["All others:", _lines(rest)]
    else:
        parts += ["Options, as key=value:", _lines(entries)]
    choices = [f"{group}: {', '.join(options_of_group(group))}" for group in groups(config_name)]
    if choices:
        parts += ["Groups, as group=option:", "\n".join(f"  {line}" for line in choices)]
    return "\n\n".join([*parts, FOOT])


def own_keys(config_name: str) -> set[str]:
    """Return the keys that a command adds to those of another one; none where it is no addition."""
    own = OmegaConf.load(config_folder() / f"{config_name}.yaml")
    entries = OmegaConf.select(own, "defaults", default=())
    if not any(isinstance(each, str) and each in _COMMANDS for each in entries):
        return set()
    return {str(key) for key in own} - {"defaults"}


def summary(config_name: str) -> str:
    """Return what the first comment of a configuration file says."""
    text = (config_folder() / f"{config_name}.yaml").read_text(encoding="utf-8")
    head = text.partition("\n\n")[0]
    return "\n".join(line.removeprefix("# ") for line in head.splitlines() if line.startswith("#"))


def entries_of(config_name: str, kind: type[Any]) -> Iterator[Entry]:
    """Yield the keys of a command: those with a field, and those of the option of each group."""
    chosen = groups(config_name)
    for key, leaf in keys(kind):
        if leaf.component is None:
            yield Entry(key, default_of(leaf), words_of(leaf))
        elif option := chosen.get(key.partition(".")[0]):
            yield from arguments_of(key, option, leaf.component)


def arguments_of(place: str, option: str, component: type[Component]) -> Iterator[Entry]:
    """Yield the arguments of an option, in the words of their fields, or of its YAML file."""
    declared = {leaf.name: words_of(leaf) for leaf in leaves(component)}
    for remark in remarks(place, option):
        words = remark.words or declared.get(remark.key, "")
        yield Entry(f"{place}.{remark.key}", remark.value, words)


def default_of(leaf: Leaf) -> str:
    """Return the default of a field as it is written in an override; … where it has to be given."""
    return "…" if leaf.meaning.required else written(leaf.default)


def written(value: Any) -> str:
    """Return a value as it is written in an override.

    >>> written((1, 2)), written(None), written(True)
    ('[1,2]', 'null', 'true')
    """
    plain = as_plain(value)
    if isinstance(plain, list):
        return f"[{','.join(written(each) for each in plain)}]"
    if isinstance(plain, dict):
        return "{" + ",".join(f"{key}:{written(each)}" for key, each in plain.items()) + "}"
    if plain is None:
        return "null"
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def _lines(entries: Iterable[Entry]) -> str:
    return "\n".join(_line(each) for each in entries)


def _line(entry: Entry) -> str:
    given = f"{entry.key}={entry.default}"
    return f"  {given:{WIDTH}} {entry.words}".rstrip()
