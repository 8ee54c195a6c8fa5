"""Frozen dataclasses as the objects of a JSON file, and back.

The keys are the names of the fields, in their order. The metadata of a field says how it is written
where it holds nothing (``null`` without), whether it has to be there though it has a default, and its
``key`` where that is another than its name.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Self, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from medcnn.errors import DataError
from medcnn.files.plain import REMEDY
from medcnn.notices import Notice, known_notices, records

T = TypeVar("T")
ABSENT = {"empty": "absent"}
"""Metadata of a field that has no key in the file where it holds nothing."""

OBJECT = {"empty": "object"}
"""Metadata of a field that is an empty object in the file where it holds nothing."""

BESIDE = {"beside": True}
"""Metadata of a mapping whose items stand in the file beside the other keys of its record."""

NEEDED = {"needed": True}
"""Metadata of a field that a file has to have, though whoever makes a record may leave it out."""


class Saved:
    """A dataclass with both directions as methods."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values for strict JSON."""
        return fields_to_json(self)

    @classmethod
    def from_json(cls, recorded: object, place: str = "") -> Self:
        """Return what ``to_json`` wrote; keys that it does not know are left out.

        Args:
            recorded: The JSON value.
            place: Where it was read, for the error.

        Raises:
            DataError: If a key is missing, or holds something else than the record has there.
        """
        return fields_from_json(cls, recorded, place or f"the recorded {cls.__name__.lower()}")


class Told(Saved):
    """One whose sentences stand in the file as texts, and as ``notices`` beside."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values for strict JSON."""
        return fields_to_json(self) | {"notices": records(_texts(self))}


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
    found: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        held, empty = getattr(value, field.name), field.metadata.get("empty", "null")
        if field.metadata.get("beside"):
            found |= to_json(held)
            continue
        if held is None or held in ({}, ""):
            if empty == "absent":
                continue
            held = {} if empty == "object" else held
        found[field.metadata.get("key") or field.name] = to_json(held)
    return found


def _texts(record: Any) -> Iterator[str]:
    """Yield the texts of a record, and of the rows of texts in it."""
    for field in dataclasses.fields(record):
        held = getattr(record, field.name)
        for each in held if isinstance(held, tuple) else ():
            if isinstance(each, str):
                yield each
            elif dataclasses.is_dataclass(each):
                yield from (text for text in vars(each).values() if isinstance(text, str))


def from_json(kind: type[T], raw: Any, place: str, known: Mapping[str, Notice] | None = None) -> T:
    """Return the record of a kind that ``to_json`` wrote; keys that it does not know are left out.

    Args:
        kind: A dataclass.
        raw: The JSON value.
        place: Where it was read, for the error.
        known: The notices of the record that it is a row of, by their texts.

    Raises:
        DataError: If a key is missing, or holds something else than the record has there.
    """
    reads: Callable[[Any, str], T] | None = getattr(kind, "from_json", None)
    return fields_from_json(kind, raw, place, known) if reads is None else reads(raw, place)


def fields_from_json(
    kind: type[T], raw: Any, place: str, known: Mapping[str, Notice] | None = None
) -> T:
    """Return the record of a kind from the fields that ``fields_to_json`` wrote."""
    facts, of = _checked(raw, Mapping, place), cast("Any", kind)
    if known is None:
        noticed = _checked(facts.get("notices") or [], list, f"{place}: notices")
        known = known_notices(_checked(each, Mapping, f"{place}: notices") for each in noticed)
    values, plan = {}, _plan(of)
    for name, (key, hint, required) in plan.items():
        if key is None:
            rest = {each: held for each, held in facts.items() if each not in plan}
            values[name] = _read(hint, rest, place, known)
        elif key in facts:
            if not (facts[key] == {} and _is_optional(hint)):
                values[name] = _read(hint, facts[key], f"{place}: {key}", known)
        elif required:
            raise DataError(
                f"{place} lacks {key!r}.",
                expected=", ".join(each for each, _, needed in plan.values() if each and needed),
                found=", ".join(map(str, facts)) or "an empty object",
                remedy=REMEDY,
            )
    return kind(**values)


@cache
def _plan(kind: Any) -> dict[str, tuple[str | None, Any, bool]]:
    """Return key, type and whether it has to be there, by the name of each field; None: beside."""
    hints, nothing = get_type_hints(kind), dataclasses.MISSING
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(kind)
    return {
        field.name: (
            None if field.metadata.get("beside") else field.metadata.get("key") or field.name,
            hints[field.name],
            field.metadata.get("needed", field.default is field.default_factory is nothing),
        )
        for field in fields
    }


def _is_optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _read(hint: Any, raw: Any, place: str, known: Mapping[str, Notice]) -> Any:
    if _is_optional(hint):
        if raw is None:
            return None
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (dict, Mapping):
        items = _checked(raw, Mapping, place).items()
        return {key: _read(arguments[1], each, f"{place}: {key}", known) for key, each in items}
    if origin is tuple:
        rows, each_of = _checked(raw, list, place), arguments[0]
        if Ellipsis not in arguments and len(rows) != len(arguments):
            raise _unread(place, f"{len(arguments)} values", raw)
        return tuple(_read(each_of, each, f"{place} {at}", known) for at, each in enumerate(rows))
    if dataclasses.is_dataclass(hint):
        return from_json(hint, raw, place, known) if isinstance(hint, type) else raw
    if hint is str:
        text = _checked(raw, str, place)
        return known.get(text, text)
    return raw if hint is Any else _checked(raw, _PLAIN[hint], place)


_PLAIN: dict[Any, Any] = {float: (int, float), int: int, bool: bool}


def _checked(raw: Any, kind: Any, place: str) -> Any:
    if isinstance(raw, kind) and (kind is bool or not isinstance(raw, bool)):
        return raw
    names = {Mapping: "an object", list: "a list", str: "a text", bool: "true or false"}
    raise _unread(place, names.get(kind, "a number"), raw)


def _unread(place: str, expected: str, raw: object) -> DataError:
    return DataError(
        f"{place} cannot be read.", expected=expected, found=repr(raw)[:80], remedy=REMEDY
    )
