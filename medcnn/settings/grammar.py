"""Overrides as a shell hands them over, and as a message prints them to be pasted.

Hydra's grammar refuses in a bare value what is ordinary in a path, a name or a rule: ``~``, ``é``,
``(1)``, ``'``, ``=``, ``&``, ``>``. Whoever quoted those for the shell has quoted enough.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
from collections.abc import Sequence
from typing import Any

_KEY = re.compile(r"[+~]{0,2}[\w][\w.@/:-]*=", re.ASCII)
_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
_CALL = re.compile(r"(choice|range|interval|glob|tag|sort|shuffle|int|float|str|bool|json_str)\(")
"""How a function of Hydra's grammar begins."""
_ITEM = re.compile(rf"\s*({_QUOTED}|[^,]*?)\s*(,|$)")


SPELLINGS = {"threshold.on": "threshold_on"}
"""Keys that may be written as if they lay below another, which is a value and holds none."""


def as_given(arguments: Sequence[str], *, several: bool = False) -> list[str]:
    r"""Return overrides that Hydra reads as the user meant them.

    What Hydra reads already is left alone. A value that it cannot read is text, item by item in a
    list; a leading ``~`` is the user's home; a comma within the name of an existing path is a part
    of it.

    Args:
        arguments: ``key=value``, as the shell passed them; others are returned as they are.
        several: Whether commas part the values of a multirun.

    >>> as_given(["input=/scans/José (1)/a=1.png", "seed=1", "refer=npv>=0.99"])
    ["input='/scans/José (1)/a=1.png'", 'seed=1', "refer='npv>=0.99'"]
    >>> as_given(["data.source.abnormal=[Lung Opacity (Non-COVID),it's]"])
    ["data.source.abnormal=['Lung Opacity (Non-COVID)','it\\'s']"]
    >>> as_given(["threshold.on=val"])
    ['threshold_on=val']
    """
    return [_as_given(text, several) for text in arguments]


def is_override(argument: str) -> bool:
    """Return whether an argument is ``key=value`` and not the name of a file that has a ``=``."""
    return _KEY.match(argument) is not None and not os.path.lexists(argument)


def _as_given(argument: str, several: bool) -> str:
    name, equals, rest = argument.partition("=")
    argument = SPELLINGS.get(name, name) + equals + rest
    key = _KEY.match(argument)
    if key is None:
        return argument
    value = argument[key.end() :]
    mark = value[:1] if value[:1] in ("'", '"') else ""
    if value[len(mark) :].startswith(("~/", "~\\")) or value == "~":
        value = mark + os.path.expanduser(value[len(mark) :])  # noqa: PTH111  Path drops a last slash
    read, kind = _read(value)
    if read and not (kind == "sweep" and os.path.lexists(value)):
        return key.group() + value
    text = _itemwise(value, several) or _whole(value)
    return key.group() + text if text is not None and _read(text)[0] else argument


def _whole(value: str) -> str | None:
    """Return a value as one quoted text; None where it began as something else that lacks its end."""
    unfinished = value.startswith(tuple("[{'\"")) or "${" in value or _CALL.match(value)
    return None if unfinished and not os.path.lexists(value) else quoted(value)


def _itemwise(value: str, several: bool) -> str | None:
    """Return a list, or the values of a multirun, with every item that needs it quoted."""
    is_list = value.startswith("[") and value.endswith("]")
    if os.path.lexists(value) or not (is_list or (several and "," in value)):
        return None
    items = [
        _as_given(f"_={item}", False)[2:] for item in _items(value[1:-1] if is_list else value)
    ]
    joined = ",".join(items)
    return f"[{joined}]" if is_list else joined


def _items(text: str) -> list[str]:
    items: list[str] = []
    position = 0
    while found := _ITEM.match(text, position):
        items.append(found[1])
        position = found.end()
        if not found[2]:
            break
    return items


def _read(value: str) -> tuple[bool, str]:
    """Return whether Hydra reads a value, and whether as one value or as a ``sweep``."""
    from hydra.core.override_parser.types import Sweep
    from hydra.errors import HydraException

    if value[:1] in "([{\"'" and os.path.lexists(value):
        return False, ""
    try:
        read = _parser().parse_override(f"_={value}").value()
    except HydraException:
        return False, ""
    return True, "sweep" if isinstance(read, Sweep) else "value"


@functools.cache
def _parser() -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create()


def quoted(text: str, mark: str = "'") -> str:
    r"""Return a text as Hydra's grammar quotes it: backslashes count before a quote and at the end.

    >>> quoted("it's")
    "'it\\'s'"
    """
    escaped = re.sub(rf"(\\*){mark}", rf"\1\1\\{mark}", text)
    return mark + re.sub(r"(\\+)$", r"\1\1", escaped) + mark


def written(key: str, value: object) -> str:
    """Return an override as it is typed in a shell, to be printed in a message.

    >>> print(written("data.source.abnormal", ["Viral, bacterial", "tb"]))
    'data.source.abnormal=["Viral, bacterial",tb]'
    >>> print(written("resume", "outputs/xray"))
    resume=outputs/xray
    """
    return shlex.quote(f"{key}={_spelt(value)}")


def _spelt(value: object, within: str = "") -> str:
    if isinstance(value, (list, tuple)):
        return f"[{','.join(_spelt(item, ',[]') for item in value)}]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = str(value)
    if not isinstance(value, str):
        return text if not isinstance(value, os.PathLike) else _spelt(text, within)
    given = _as_given(f"_={text}", False)
    readable = _read(given[2:])[0] and not set(within) & set(text)
    is_text = readable and _parser().parse_override(given).value() == text
    return text if is_text and text else quoted(text, '"')
