"""What is searched: values in Hydra's sweep grammar, as ranges that can be drawn, cut and narrowed.

``optimizer.lr=tag(log,interval(1e-4,1e-1))``, ``model=resnet18,tiny_resnet``,
``model.blocks=range(1,4)``, ``data.batch_size=int(interval(8,64))``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import OverrideParseException

from medcnn.errors import ConfigError

if TYPE_CHECKING:
    from optuna import Trial

Value = str | int | float


@dataclass(frozen=True)
class Parameter:
    """One value to search.

    Attributes:
        name: Its key in the configuration, or the name of a group.
        choices: The values of a choice, as they are written in an override; empty for a range.
        low: The lowest value of a range.
        high: Its highest, included.
        log: Whether a range is drawn on a logarithmic scale.
        whole: Whether a range holds whole numbers only.
    """

    name: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if self.choices:
            return
        finite = math.isfinite(self.low) and math.isfinite(self.high)
        if not finite or self.low >= self.high or (self.log and self.low <= 0):
            raise ConfigError(
                f"The range of {self.name} cannot be searched.",
                expected="low < high, and above 0 on a logarithmic scale",
                found=f"{self.low:g} to {self.high:g}{', logarithmic' if self.log else ''}",
            )

    @property
    def range(self) -> str:
        """What is searched, in words.

        >>> Parameter("optimizer.lr", low=1e-4, high=0.1, log=True).range
        '0.0001 to 0.1, logarithmic'
        """
        if self.choices:
            return ", ".join(self.choices)
        kind = ", logarithmic" if self.log else ""
        return f"{self.low:g} to {self.high:g}{kind}{', whole' if self.whole else ''}"

    def draw(self, trial: Trial) -> Value:
        """Return the value that a study proposes for a trial."""
        if self.choices:
            return str(trial.suggest_categorical(self.name, list(self.choices)))
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def cut(self, points: int) -> list[Value]:
        """Return all choices, or ``points`` values that divide the range evenly, ends included.

        >>> Parameter("lr", low=1e-4, high=1e-2, log=True).cut(3)
        [0.0001, 0.001, 0.01]
        """
        if self.choices:
            return list(self.choices)
        return self._spread(self._place(self.low), self._place(self.high), points)

    def around(self, best: Value, points: int, share: float) -> list[Value]:
        """Return values around the best: ``points`` of them within ``share`` of the range either way.

        Numbers of a choice keep the neighbours of the best; names keep the best alone.
        """
        if self.choices:
            if not is_number(self.choices):
                return [str(best)]
            ordered = sorted(self.choices, key=float)
            at, reach = ordered.index(str(best)), points // 2
            return list(ordered[max(at - reach, 0) : at + reach + 1])
        width = share * (self._place(self.high) - self._place(self.low))
        centre = self._place(float(best))
        low = max(centre - width, self._place(self.low))
        high = min(centre + width, self._place(self.high))
        found = self._spread(low, high, points)
        nearest = min(range(len(found)), key=lambda at: abs(self._place(float(found[at])) - centre))
        found[nearest] = best  # the best itself is always tried again
        return found

    def _place(self, value: float) -> float:
        return math.log(value) if self.log else value

    def _spread(self, low: float, high: float, points: int) -> list[Value]:
        places = np.linspace(low, high, max(points, 1))
        values = [float(f"{math.exp(x) if self.log else x:.12g}") for x in places]
        return sorted({round(value) for value in values}) if self.whole else list(values)


def is_number(choices: Sequence[str]) -> bool:
    """Return whether every choice is a number."""
    try:
        [float(text) for text in choices]
    except ValueError:
        return False
    return True


def read_space(
    configured: Mapping[str, object], arguments: Sequence[str]
) -> tuple[list[Parameter], list[str]]:
    """Return what is searched, and the overrides that every trial shares.

    Args:
        configured: ``search.space``: a key and its sweep in Hydra's grammar.
        arguments: The overrides of the command line; a sweep there replaces that of the same key,
            and a plain value there takes the key out of the search.

    Raises:
        ConfigError: If a sweep cannot be read, or nothing is left to search.
    """
    parser = OverridesParser.create()
    fixed = [each for each in _parse(parser, arguments) if not each.is_sweep_override()]
    swept = [each for each in _parse(parser, arguments) if each.is_sweep_override()]
    given = {each.key_or_group for each in (*fixed, *swept)}
    own = [f"{key}={text}" for key, text in configured.items() if key not in given]
    for each in _parse(parser, own):
        if not each.is_sweep_override():
            raise ConfigError(
                f"search.space.{each.key_or_group} is no range.",
                expected="interval(a,b), tag(log,interval(a,b)), choice(a,b,…) or range(a,b)",
                found=str(configured[each.key_or_group]),
            )
        swept.append(each)
    if not swept:
        raise ConfigError(
            "There is nothing to search.",
            expected="search.space, or a sweep such as model.dropout=0.0,0.2,0.4",
            found="only single values",
        )
    parameters = sorted((_parameter(each) for each in swept), key=lambda each: each.name)
    return parameters, [str(each.input_line) for each in fixed]


def _parse(parser: OverridesParser, lines: Sequence[str]) -> list[Override]:
    try:
        return list(parser.parse_overrides(list(lines)))
    except OverrideParseException as error:
        raise ConfigError(
            f"{error.override!r} is not a value to search.",
            expected="interval(a,b), tag(log,interval(a,b)), choice(a,b,…) or range(a,b)",
            found=str(error.override),
        ) from error


def _parameter(override: Override) -> Parameter:
    name, sweep = override.key_or_group, override.value()
    if isinstance(sweep, IntervalSweep):
        ends: list[Any] = [sweep.start, sweep.end]  # int(interval(a,b)) makes them whole
        whole = all(isinstance(end, int) for end in ends)
        low, high = map(float, ends)
        return Parameter(name, low=low, high=high, log="log" in sweep.tags, whole=whole)
    return Parameter(name, choices=tuple(override.sweep_string_iterator()))


def assignments(values: Mapping[str, Value]) -> list[str]:
    """Return the overrides that set these values, numbers to four digits: trials differ by more.

    >>> assignments({"optimizer.lr": 1.234567e-05, "model": "resnet18"})
    ['optimizer.lr=1.235e-05', 'model=resnet18']
    """
    return [f"{name}={written(value)}" for name, value in values.items()]


def written(value: Value) -> str:
    """Return a value as it stands in an override."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
