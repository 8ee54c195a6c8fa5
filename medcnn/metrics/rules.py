"""The rules by which a decision threshold may be chosen, as text; imports nothing heavy.

The command line checks ``threshold=`` with ``parse_rule`` before anything is loaded.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from medcnn.errors import ConfigError, unknown_name

OPTIMA = ("youden", "closest_corner", "f1")
TARGETS = ("sensitivity", "specificity", "ppv", "npv")
EXAMPLES = (
    "youden, closest_corner, f1, cost:fn=5,fp=1, sensitivity>=0.95, specificity>=0.90, "
    "ppv>=0.80, npv>=0.99, or a number within [0, 1]"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule.

    Attributes:
        kind: ``fixed``, ``cost``, one of ``OPTIMA`` or one of ``TARGETS``.
        text: The rule in its canonical spelling.
        target: The number of a fixed threshold or the bound of a target.
        cost_fn: The cost of a missed abnormal case.
        cost_fp: The cost of a false alarm.
        exact: Whether the target is met as nearly as it can be, instead of kept.
    """

    kind: str
    text: str
    target: float = math.nan
    cost_fn: float = 1.0
    cost_fp: float = 1.0
    exact: bool = False


def parse_rule(rule: str | float) -> Rule:
    """Return the rule that a text or a number means.

    >>> parse_rule("sensitivity >= 0.95").text
    'sensitivity>=0.95'

    Raises:
        ConfigError: If the rule is unknown or its number impossible.
    """
    if isinstance(rule, bool) or not isinstance(rule, (str, int, float)):
        raise _malformed(rule)
    text = re.sub(r"\s+", "", str(rule)).lower()
    number = _number(text)
    if number is not None:
        return Rule("fixed", f"{_within_unit(number, rule):g}", number)
    if text in OPTIMA:
        return Rule(text, text)
    if text.startswith("cost"):
        return _cost(text, rule)
    exact = re.fullmatch(r"(sensitivity|specificity)==([^%<>=]+)", text)
    wanted = (exact[1], exact[2]) if exact else read_target(text)
    if wanted is None:
        if text in TARGETS:
            raise _without_number(text)
        if re.search(r"[<>=:]", text):
            raise _malformed(rule)
        raise unknown_name("threshold rule", str(rule), (*OPTIMA, *TARGETS, "cost"))
    name, shown = wanted
    if name not in TARGETS:
        raise unknown_name("threshold rule", name, TARGETS)
    bound = _number(shown)
    if bound is None:
        raise _malformed(rule)
    sign = "==" if exact else ">="
    return Rule(name, f"{name}{sign}{shown}", _within_unit(bound, rule), exact=bool(exact))


def read_target(text: str) -> tuple[str, str] | None:
    """Return the measure and the proportion of a target as people write it; None for anything else.

    >>> read_target("sensitivity>=95%"), read_target("npv > 0.99"), read_target("youden")
    (('sensitivity', '0.95'), ('npv', '0.99'), None)
    """
    found = re.fullmatch(r"([a-z_0-9]+)(?:>=|=>|≥|>)([^%<>=]+)(%?)", re.sub(r"\s+", "", text))
    if found is None:
        return None
    name, shown, percent = found.groups()
    number = _number(shown)
    return name, f"{number / 100:g}" if percent and number is not None else shown


def _without_number(name: str) -> ConfigError:
    made = sorted(path.name for path in Path().glob("=*") if path.is_file())
    return ConfigError(
        f"The threshold rule {name!r} lacks its number: a shell takes an unquoted > for a file to "
        "write to.",
        expected=f"quotes around it: 'threshold={name}>=0.95', or threshold=\"{name}>=95%\"",
        found=f"threshold={name}" + (f", and a file named {made[0]!r} here" if made else ""),
        remedy="quote it" + (f", and delete the file {made[0]!r}" if made else ""),
    )


def _cost(text: str, rule: str | float) -> Rule:
    match = re.fullmatch(r"cost:(fn|fp)=([^,]+),(fn|fp)=([^,]+)", text)
    if not match or match.group(1) == match.group(3):
        raise _malformed(rule)
    costs = {match.group(1): _number(match.group(2)), match.group(3): _number(match.group(4))}
    fn, fp = costs["fn"], costs["fp"]
    if fn is None or fp is None or fn <= 0 or fp <= 0:
        raise _malformed(rule)
    return Rule("cost", f"cost:fn={fn:g},fp={fp:g}", cost_fn=fn, cost_fp=fp)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _within_unit(number: float, rule: object) -> float:
    if not 0.0 <= number <= 1.0:
        raise ConfigError(
            f"The threshold rule {rule!r} has a number outside [0, 1].",
            expected="a probability or a proportion within [0, 1]: 0.95, or 95%",
            found=f"{number:g}",
            remedy="write it as a fraction, or with %",
        )
    return number


def _malformed(rule: object) -> ConfigError:
    return ConfigError(
        f"The threshold rule {rule!r} cannot be read.",
        expected=EXAMPLES,
        found=repr(rule),
        remedy="write it like one of these",
    )
