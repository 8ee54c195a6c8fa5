"""The configuration reference: every key of every command, as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from medcnn.settings.composition import groups
from medcnn.settings.fields import Component, keys
from medcnn.settings.help import (
    FIRST,
    Entry,
    arguments_of,
    default_of,
    entries_of,
    summary,
)
from medcnn.settings.options import options_of_group, summary_of
from medcnn.settings.reading import words_of

HEAD = """# Configuration

Every command takes `KEY=VALUE` and `GROUP=OPTION`; nothing here needs to be given. Values come, in
this order, from the command line, from `experiment=NAME`, and from the defaults below. `--cfg job`
prints what a command would use, and the `config.yaml` of a run says what it used. Where a list is
meant, one word is a list of one: `subgroups=sex`.

This page is made from the declarations by `python scripts/write_configuration.py`.
"""


def reference(commands: Mapping[str, tuple[str, type[Any]]], searched: type[Any]) -> str:
    """Return the page.

    Args:
        commands: For each command its file in ``configs/`` and the tree of its settings; ``train``
            among them, whose keys others take as well.
        searched: The tree of a training that is searched for, with the group ``search``.
    """
    config, kind = commands["train"]
    entries = list(_fields(kind))
    first = [each for name in FIRST for each in entries_of(config, kind) if each.key == name]
    parts = [HEAD, "## Changed most often\n", _table(first), "## train\n", summary(config), ""]
    parts += [_table(entry for entry in entries if "." not in entry.key)]
    for group in dict.fromkeys(each.key.partition(".")[0] for each in entries if "." in each.key):
        parts += [f"### {group}\n", _table(e for e in entries if e.key.startswith(f"{group}."))]
    own = {each.key for each in entries}
    parts += ["### search\n", _table(e for e in _fields(searched) if e.key not in own)]
    for place, leaf in keys(kind):
        if leaf.component is not None:
            parts += [f"### {place}\n", *_options(place, leaf.component)]
    for name, (file, tree) in commands.items():
        if name != "train":
            shared = own if issubclass(tree, kind) else set()
            parts += [f"## {name}\n", summary(file), ""]
            parts += [_table(e for e in _fields(tree) if e.key not in shared)]
            if chosen := [group for group in groups(file) if not shared]:
                named = ", ".join(f"`{each}`" for each in chosen)
                parts += [f"Groups, as in train: {named}.\n"]
    return "\n".join(parts)


def _fields(kind: type[Any]) -> Iterator[Entry]:
    for key, leaf in keys(kind):
        if leaf.component is None:
            yield Entry(key, default_of(leaf), words_of(leaf))


def _options(place: str, component: type[Component]) -> Iterator[str]:
    """Yield a part for each option of a group, with the arguments that it lists."""
    group = place.partition(".")[0]
    chosen = groups("train").get(group)
    for option in options_of_group(group):
        said = summary_of(group, option)
        mark = " (unless told otherwise)" if option == chosen else ""
        yield f"**`{group}={option}`**{mark}{': ' + said if said else ''}\n"
        rows = list(arguments_of(place, option, component))
        yield _table(rows) if rows else ""


def _table(entries: Iterable[Entry]) -> str:
    rows = [f"| `{each.key}` | `{_cell(each.default)}` | {_cell(each.words)} |" for each in entries]
    return "\n".join(["| Key | Default | What it does |", "| --- | --- | --- |", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;") if text else " "
