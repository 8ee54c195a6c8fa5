"""From plain values to a tree of settings and back, with an error that names the key.

    composed YAML -> plain dicts, lists and values -> frozen dataclasses

Where a list is meant one word is a list of one, and nothing is an empty one.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, cast

from medcnn.errors import ConfigError, nearest
from medcnn.files.remote import check_mounted
from medcnn.settings.fields import Component, Leaf, Meaning, leaves, options_of

Tree = TypeVar("Tree")


class _Misfit(Exception):  # noqa: N818  never leaves this file
    """A value that is not of the type, or not within the bounds."""


def read(
    kind: type[Tree],
    given: Mapping[str, object],
    *,
    lenient: bool = False,
    base: Tree | None = None,
    prefix: str = "",
) -> Tree:
    """Return the tree that plain values describe, each of them checked.

    Args:
        kind: The declared tree.
        given: Plain values by key.
        lenient: Whether keys may be missing, which then are as in ``base``, and unknown ones are
            left alone: a run of another version. Otherwise both are refused.
        base: The tree that missing keys are taken from; None: the declared defaults.
        prefix: Of the keys, in messages.

    Raises:
        ConfigError: Naming the key, and what was expected.
    """
    values: dict[str, Any] = {}
    known: set[str] = set()
    rest: Leaf | None = None
    for leaf in leaves(cast("type[Any]", kind)):
        default = leaf.default if base is None else getattr(base, leaf.name)
        if leaf.meaning.rest:
            rest = leaf
        elif leaf.meaning.inline:
            own = _names(cast("type[Any]", leaf.tree))
            part = {key: value for key, value in given.items() if key in own}
            known |= own
            values[leaf.name] = read(
                cast("type[Any]", leaf.tree), part, lenient=lenient, base=default, prefix=prefix
            )
        else:
            known.add(leaf.name)
            if leaf.name in given:
                key = prefix + leaf.name
                values[leaf.name] = _value(leaf, given[leaf.name], key, default, lenient)
            elif lenient or issubclass(kind, Component):
                values[leaf.name] = default
            else:
                raise _absent(prefix + leaf.name, leaf)
    more = {str(key): value for key, value in given.items() if key not in known}
    if issubclass(kind, Component):
        return cast("Tree", _component(kind, given, values))
    if rest is not None:
        values[rest.name] = _value(rest, more, prefix + rest.name, {}, lenient)
    elif more and not lenient:
        raise unknown_key(prefix + next(iter(more)), (prefix + name for name in known))
    return kind(**values)


def _names(kind: type[Any]) -> set[str]:
    """Return the keys that a tree reads on its own level."""
    found: set[str] = set()
    for leaf in leaves(kind):
        found |= _names(leaf.tree) if leaf.meaning.inline and leaf.tree else {leaf.name}
    return found


def _component(
    kind: type[Component], given: Mapping[str, object], values: dict[str, object]
) -> Component:
    arguments = {str(key): value for key, value in given.items() if key != "_target_"}
    arguments |= {name: as_plain(values[name]) for name in arguments if name in values}
    return kind(str(given.get("_target_") or ""), arguments, **values)


def _value(leaf: Leaf, value: Any, key: str, default: Any, lenient: bool) -> Any:
    tree, meaning = leaf.tree, leaf.meaning
    if tree is not None and not (value is None and NoneType in options_of(leaf.hint)):
        if not isinstance(value, Mapping):
            raise _no_group(key, value)
        return read(tree, value, lenient=lenient, base=default, prefix=f"{key}.")
    if not meaning.address:
        for each in value if isinstance(value, list | tuple) else (value,):
            check_mounted(each, key)
    try:
        found = _convert(NoneType if tree is not None else leaf.hint, value, meaning)
        if meaning.holds is not None and not meaning.holds(found):
            raise _Misfit
    except _Misfit:
        raise _cannot_be(key, value, leaf) from None
    return found if meaning.parse is None or found is None else meaning.parse(found)


def _convert(hint: Any, value: Any, meaning: Meaning) -> Any:
    """Return a value as its type has it, or raise _Misfit."""
    options = options_of(hint)
    if len(options) > 1:
        for option in sorted(options, key=lambda each: each is not NoneType):
            try:
                return _convert(option, value, meaning)
            except _Misfit:
                continue
        raise _Misfit
    origin = typing.get_origin(hint)
    if origin is tuple:
        item = typing.get_args(hint)[0]
        return tuple(_convert(item, each, meaning) for each in _listed(value))
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise _Misfit
        item = typing.get_args(hint)[1]
        return {str(key): _convert(item, each, meaning) for key, each in value.items()}
    if not _fits(hint, origin, value, meaning):
        raise _Misfit
    if hint is Path:
        return Path(str(value)).expanduser()
    return str(value) if hint is str else value


def _listed(value: Any) -> Iterable[Any]:
    """Return one word as a list of it, and nothing as an empty list."""
    if value is None or value == "":
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _fits(hint: Any, origin: Any, value: Any, meaning: Meaning) -> bool:
    if hint is Any:
        return True
    if hint is NoneType:
        return value is None
    if hint is bool:
        return isinstance(value, bool)
    if origin is Literal:
        return any(value == word and type(value) is type(word) for word in typing.get_args(hint))
    if isinstance(value, bool):
        return False
    if hint in (int, float):
        right = isinstance(value, int if hint is int else (int, float))
        return right and math.isfinite(value) and meaning.within(value)
    if not isinstance(value, str | int | float | Path) or (hint is Path and value == ""):
        return False
    return not meaning.choices or str(value) in meaning.choices


def expected(hint: Any, meaning: Meaning) -> str:
    """Return in words what a value has to be.

    >>> expected(int | None, Meaning(low=2, high=9))
    'null or a whole number from 2 to 9'
    """
    if meaning.expected:
        return meaning.expected
    options = options_of(hint)
    if len(options) > 1:
        # What is least like the rest is said first: null, then words, then numbers.
        order = sorted(options, key=lambda each: (each is not NoneType, not _is_words(each)))
        return " or ".join(dict.fromkeys(expected(option, meaning) for option in order))
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        words = [str(word) for word in inner]
        return words[0] if len(words) == 1 else f"one of {', '.join(words)}"
    if origin is tuple:
        return f"a list, each of it {expected(inner[0], meaning)}"
    if origin in (dict, Mapping):
        return "keys with their values, such as '{a: 1}'"
    if hint is str and meaning.choices:
        return f"one of {', '.join(meaning.choices)}"
    names = {
        NoneType: "null",
        bool: "true or false",
        int: f"a whole number{meaning.bounds()}",
        float: f"a number{meaning.bounds()}",
        str: "a word",
        Path: "a path",
    }
    return names.get(hint, "a value")


def words_of(leaf: Leaf) -> str:
    """Return what a setting does, with the words that it may be and its bounds."""
    choices = _choices(leaf)
    said = leaf.meaning.words
    unsaid = [word for word in choices if word not in said.replace(":", " ").split()]
    return f"{said} ({' | '.join(choices)})" if unsaid and len(choices) > 1 else said


def _choices(leaf: Leaf) -> list[str]:
    """Return the words that a setting may be; none where it may be any."""
    literals = [
        str(word)
        for option in options_of(leaf.hint)
        if _is_words(option)
        for word in typing.get_args(option)
    ]
    return list(leaf.meaning.choices) or literals


def _is_words(hint: Any) -> bool:
    return typing.get_origin(hint) is Literal


def as_plain(value: Any) -> Any:
    """Return a tree as the plain dicts, lists and values that ``config.yaml`` holds."""
    if isinstance(value, Component):
        target = {"_target_": value.target} if value.target else {}
        return target | {key: as_plain(each) for key, each in value.arguments.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found: dict[str, Any] = {}
        for leaf in leaves(type(value)):
            inner = as_plain(getattr(value, leaf.name))
            found |= inner if leaf.meaning.inline or leaf.meaning.rest else {leaf.name: inner}
        return found
    if isinstance(value, Mapping):
        return {str(key): as_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def unknown_key(key: str, known: Iterable[str]) -> ConfigError:
    """Return the error for a key that no field stands for, with the nearest that one does."""
    names = sorted(known)
    guess = nearest(key, names)
    return ConfigError(
        f"There is no key {key!r} in the configuration.",
        expected=", ".join(names),
        found=key,
        remedy=f"did you mean {guess!r}?" if guess else "see every key with --help",
    )


def _cannot_be(key: str, value: Any, leaf: Leaf) -> ConfigError:
    guess = nearest(value, _choices(leaf)) if isinstance(value, str) else None
    return ConfigError(
        f"{key} cannot be {value!r}.",
        expected=expected(leaf.hint, leaf.meaning),
        found=f"{value!r} ({type(value).__name__})",
        remedy=f"did you mean {key}={guess}?" if guess else f"give {key}=VALUE with such a value",
    )


def _no_group(key: str, value: Any) -> ConfigError:
    return ConfigError(
        f"{key} has to be one of the {key} options.",
        expected=f"{key}=NAME of an option, or {key}.KEY=VALUE",
        found=repr(value),
        remedy=f"choose {key}=NAME, see --help",
    )


def _absent(key: str, leaf: Leaf) -> ConfigError:
    return ConfigError(
        f"The configuration has no {key}.",
        expected=f"{key}, {expected(leaf.hint, leaf.meaning)}, as this version of medcnn writes it",
        found="the configuration of another version",
        remedy="evaluate or predict with the run as it is; to train, begin another",
    )
