"""Frozen dataclasses as the objects of a JSON file, and back.

The keys are the names of the fields, in their order. The metadata of a field says how it is written
where it holds nothing (``null`` without), and its ``key`` where Python reserves the word.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from medcnn.errors import DataError

T = TypeVar("T")
ABSENT = {"empty": "absent"}
"""Metadata of a field that has no key in the file where it holds nothing."""

OBJECT = {"empty": "object"}
"""Metadata of a field that is an empty object in the file where it holds nothing."""


def to_json(value: Any) -> Any:
    """Return a record, or a structure of records and plain values, as values for strict JSON."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if dataclasses.is_dataclass(value):
        return fields_to_json(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(each) for each in value]
    return str(value) if isinstance(value, str) else value


def fields_to_json(value: Any) -> dict[str, Any]:
    """Return the fields of a record by their keys."""
    found = {}
    for field in dataclasses.fields(value):
        held, empty = getattr(value, field.name), field.metadata.get("empty", "null")
        if held is None or held == {}:
            if empty == "absent":
                continue
            held = {} if empty == "object" else held
        found[field.metadata.get("key") or field.name] = to_json(held)
    return found


def from_json(kind: type[T], raw: Any, place: str) -> T:
    """Return the record of a kind that ``to_json`` wrote; keys that it does not know are left out.

    Args:
        kind: A dataclass.
        raw: The JSON value.
        place: Where it was read, for the error.

    Raises:
        DataError: If a key is missing, or holds something else than the record has there.
    """
    facts = _checked(raw, Mapping, place)
    reads: Callable[[Any], T] | None = getattr(kind, "from_json", None)
    return fields_from_json(kind, facts, place) if reads is None else reads(facts)


def fields_from_json(kind: type[T], raw: Any, place: str) -> T:
    """Return the record of a kind from the fields that ``fields_to_json`` wrote."""
    facts, of = _checked(raw, Mapping, place), cast("Any", kind)
    values, plan = {}, _plan(of)
    for name, (key, hint, required) in plan.items():
        if key in facts:
            if not (facts[key] == {} and _is_optional(hint)):
                values[name] = _read(hint, facts[key], f"{place}: {key}")
        elif required:
            raise DataError(
                f"{place} lacks {key!r}.",
                expected=", ".join(each for each, _, needed in plan.values() if needed),
                found=", ".join(map(str, raw)) or "an empty object",
                remedy="evaluate again, which writes it anew",
            )
    return kind(**values)


@cache
def _plan(kind: Any) -> dict[str, tuple[str, Any, bool]]:
    """Return key, type and whether it has to be there, by the name of each field."""
    hints = get_type_hints(kind)
    nothing = dataclasses.MISSING
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(kind)
    return {
        field.name: (
            field.metadata.get("key") or field.name,
            hints[field.name],
            field.default is nothing and field.default_factory is nothing,
        )
        for field in fields
    }


def _is_optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _read(hint: Any, raw: Any, place: str) -> Any:
    if _is_optional(hint):
        if raw is None:
            return None
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is dict:
        items = _checked(raw, Mapping, place).items()
        return {key: _read(arguments[1], each, f"{place}: {key}") for key, each in items}
    if origin is tuple:
        rows = _checked(raw, list, place)
        return tuple(_read(arguments[0], each, f"{place} {at}") for at, each in enumerate(rows))
    if dataclasses.is_dataclass(hint):
        return from_json(hint, raw, place) if isinstance(hint, type) else raw
    return raw if hint is Any else _checked(raw, _PLAIN[hint], place)


_PLAIN: dict[Any, Any] = {float: (int, float), int: int, str: str, bool: bool}


def _checked(raw: Any, kind: Any, place: str) -> Any:
    if isinstance(raw, kind) and (kind is bool or not isinstance(raw, bool)):
        return raw
    names = {Mapping: "an object", list: "a list", str: "a text", bool: "true or false"}
    raise DataError(
        f"{place} cannot be read.",
        expected=names.get(kind, "a number"),
        found=repr(raw)[:80],
        remedy="restore the file, or evaluate again",
    )
