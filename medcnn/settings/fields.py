"""What a setting is: its words, its bounds, and its place in a tree of frozen dataclasses.

A tree is declared by its owner, as dataclasses whose fields are made by ``setting``. Here stands only
what all of them need; ``medcnn.settings.reading`` turns plain values into such a tree.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MEANING = "medcnn"


@dataclass(frozen=True)
class Meaning:
    """What stands behind a field, besides its type and its default.

    Attributes:
        words: One line for ``--help`` and the reference.
        low: The least number; ``above`` and ``below`` are bounds that are not reached.
        high: The greatest number.
        above: What a number has to exceed.
        below: What a number has to stay under.
        choices: The words that a text may be; empty: any.
        parse: Turns a value of the right type into what is kept, or raises a ConfigError of its own.
        holds: A further condition on the value, told by ``expected``.
        expected: What the value has to be, in words, where the type and the bounds do not say it.
        inline: Whether the keys of this tree stand beside its own name, not below it.
        rest: Whether this mapping takes every key that has no field.
        required: Whether there is no default: the command line has to give it.
        address: Whether it may be one, ``postgresql://…``; elsewhere that was meant as a path.
    """

    words: str = ""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    parse: Callable[[Any], Any] | None = None
    holds: Callable[[Any], bool] | None = None
    expected: str = ""
    inline: bool = False
    rest: bool = False
    required: bool = False
    address: bool = False

    def bounds(self) -> str:
        """Return the bounds in words, empty where there are none.

        >>> Meaning(above=0, high=1000).bounds()
        ' above 0 to 1000'
        """
        if self.above is not None and self.below is not None:
            return f" between {self.above:g} and {self.below:g}"
        low = f" above {self.above:g}" if self.above is not None else ""
        low = f" from {_shown(self.low)}" if self.low is not None else low
        high = f" to below {self.below:g}" if self.below is not None else ""
        high = f" to {_shown(self.high)}" if self.high is not None else high
        return low + high

    def within(self, number: float) -> bool:
        """Return whether a number keeps the bounds."""
        return (
            (self.low is None or number >= self.low)
            and (self.high is None or number <= self.high)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )


def _shown(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def setting(default: Any, words: str, **facts: Any) -> Any:
    """Return a dataclass field with its default and its meaning.

    Args:
        default: What it is unless told otherwise: the value of the YAML files.
        words: One line on what it does.
        facts: See ``Meaning``.
    """
    metadata = {_MEANING: Meaning(words, **facts)}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def inline(default: Any, words: str = "") -> Any:
    """Return a field for a tree whose keys stand beside those of the tree that holds it."""
    return setting(default, words, inline=True)


@dataclass(frozen=True)
class Component:
    """Something that a group chooses: what is called, and what it is called with.

    Sub-classes declare the arguments that are used elsewhere too, with their bounds; they stand among
    ``arguments`` as well, as far as they were given.

    Attributes:
        target: The name of a class or a function; empty: none is chosen.
        arguments: Its keyword arguments.
    """

    target: str = ""
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether anything is chosen."""
        return bool(self.target)

    def build(self, **more: Any) -> Any:
        """Call the target with the arguments, and with more where they are given."""
        from hydra.utils import instantiate

        return instantiate({"_target_": self.target, **self.arguments}, **more)

    def changed(self, **arguments: Any) -> typing.Self:
        """Return the same component with some arguments changed."""
        declared = {each.name for each in dataclasses.fields(self)}
        own = {name: value for name, value in arguments.items() if name in declared}
        return dataclasses.replace(self, arguments={**self.arguments, **arguments}, **own)

    def without(self, *names: str) -> typing.Self:
        """Return the same component without some arguments."""
        kept = {name: value for name, value in self.arguments.items() if name not in names}
        return dataclasses.replace(self, arguments=kept)


@dataclass(frozen=True)
class Leaf:
    """One field of a tree, as it is declared.

    Attributes:
        name: Of the field.
        hint: Its type.
        meaning: What it does and may be.
        default: What it is unless told otherwise.
    """

    name: str
    hint: Any
    meaning: Meaning
    default: Any

    @property
    def tree(self) -> type[Any] | None:
        """The tree below the field, if it is one."""
        kinds = [kind for kind in options_of(self.hint) if dataclasses.is_dataclass(kind)]
        return typing.cast("type[Any]", kinds[0]) if kinds else None

    @property
    def component(self) -> type[Component] | None:
        """The component that the field chooses, if it is one."""
        return self.tree if self.tree is not None and issubclass(self.tree, Component) else None


def options_of(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the one type that there is."""
    is_union = typing.get_origin(hint) in (typing.Union, type(int | str))
    return typing.get_args(hint) if is_union else (hint,)


def leaves(kind: type[Any]) -> tuple[Leaf, ...]:
    """Return the declared fields of a tree, without the target and arguments of a component."""
    hints = typing.get_type_hints(kind)
    own = () if not issubclass(kind, Component) else ("target", "arguments")
    return tuple(
        Leaf(each.name, hints[each.name], each.metadata.get(_MEANING, Meaning()), _default(each))
        for each in dataclasses.fields(kind)
        if each.name not in own
    )


def _default(each: dataclasses.Field[Any]) -> Any:
    if each.default_factory is not dataclasses.MISSING:
        return each.default_factory()
    return None if each.default is dataclasses.MISSING else each.default


def keys(kind: type[Any], prefix: str = "", base: Any = None) -> Iterator[tuple[str, Leaf]]:
    """Yield every dotted key of a tree with its field.

    A component is one key: which arguments it takes is for what it calls to say. Keys that go into
    ``rest`` are not known.

    Args:
        kind: The tree.
        prefix: Of the keys.
        base: A tree with the defaults, where they are not those of the fields.
    """
    for leaf in leaves(kind):
        name = prefix + leaf.name
        default = leaf.default if base is None else getattr(base, leaf.name)
        if leaf.meaning.rest:
            continue
        if leaf.tree is None or leaf.component is not None:
            yield name, dataclasses.replace(leaf, default=default)
        else:
            yield from keys(leaf.tree, prefix if leaf.meaning.inline else f"{name}.", default)
