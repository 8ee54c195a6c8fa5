"""What the site adds to pages of the reference: results, commands and glossary, made from the code."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

from medcnn.cli import COMMANDS
from medcnn.commands.trees import TREES
from medcnn.evaluation.results import Results
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.glossary import glossary
from medcnn.reporting.wording import Wording, catalogue
from medcnn.settings.help import help_text


def results_page() -> str:
    """Return the reference of ``results.json``, a table for each object in it."""
    waiting: list[type[Any]] = [Results]
    parts: list[str] = []
    seen = {Results, Estimate}
    while waiting:
        kind = waiting.pop(0)
        name = "The whole" if kind is Results else kind.__name__
        said = (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("``", "`")
        parts.append(f"## {name}\n\n{' '.join(said.split())}\n")
        parts.append("| key | what it is | holds |\n|---|---|---|")
        for field, hint in _fields(kind):
            for inner in _records(hint):
                if inner not in seen:
                    seen.add(inner)
                    waiting.append(inner)
            parts.append(_row(kind, field, hint))
        parts.append("")
    return "\n".join(parts)


def _fields(kind: type[Any]) -> Iterator[tuple[dataclasses.Field[Any], Any]]:
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if not field.name.startswith("_"):
            yield field, hints[field.name]


def _row(kind: type[Any], field: dataclasses.Field[Any], hint: Any) -> str:
    key = field.metadata.get("key") or field.name
    may_lack = field.metadata.get("empty") or types.NoneType in typing.get_args(hint)
    shown = f"*`{key}`*" if may_lack else f"`{key}`"
    return f"| {shown} | {_meaning(kind, field.name)} | {_held(hint)} |"


def _meaning(kind: type[Any], name: str) -> str:
    """Return what the docstring of a record, or of one that it extends, says of a field."""
    for each in kind.__mro__:
        text = inspect.getdoc(each) if dataclasses.is_dataclass(each) else None
        found = re.search(
            rf"^    {name}: (.+?)(?=^    \w+: |\Z)", text or "", re.DOTALL | re.MULTILINE
        )
        if found:
            return " ".join(found[1].split()).replace("|", "\\|").replace("``", "`")
    term = f"glossary.{name}"
    return Wording()(term) if term in catalogue() else name.replace("_", " ")


def _held(hint: Any) -> str:
    """Return in words what a field holds, with a link to the table of a record."""
    if hint is Estimate:
        return "estimate"
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_held(each) for each in inner if each is not types.NoneType)
    if origin is tuple and Ellipsis not in inner:
        return f"[{', '.join(_held(each) for each in inner)}]"
    if origin in (tuple, list) or getattr(origin, "__name__", "") == "Sequence":
        return f"list of {_held(inner[0])}"
    if getattr(origin, "__name__", "") in ("dict", "Mapping"):
        return f"by name: {_held(inner[1])}"
    return names.get(hint, "object")


def _records(hint: Any) -> Iterator[type[Any]]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        yield hint
    for each in typing.get_args(hint):
        yield from _records(each)


def commands_page() -> str:
    """Return the help of every command."""
    parts = []
    for name, command in COMMANDS.items():
        text = help_text(command.config, TREES[command.config])
        parts.append(f"## {name}\n\n{command.summary[0].upper()}{command.summary[1:]}.\n")
        parts.append(f"```text\n{text}\n```\n")
    return "\n".join(parts)


def glossary_page() -> str:
    """Return the terms of the report with their explanations."""
    rows = [f"**{term}**\n\n:   {meaning}\n" for term, meaning in glossary(Wording())]
    return "\n".join(rows)


PAGES = {
    "results.md": results_page,
    "commands.md": commands_page,
    "glossary.md": glossary_page,
}
