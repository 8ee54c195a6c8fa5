"""One thing that is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass, field

SEVERITIES = ("error", "warning", "privacy", "note")
"""Worst first: cannot be read; read but likely misleading; identifies a person; worth knowing."""


@dataclass(frozen=True)
class Finding:
    """What is wrong and what to do; never a value of a tag, so that it may be logged.

    Attributes:
        severity: One of ``SEVERITIES``.
        kind: A stable word for counting.
        problem: What is wrong, in words that are the same for every file that has it.
        remedy: What to do about it.
        details: What differs between files with the same finding, such as keywords of tags.
    """

    severity: str
    kind: str
    problem: str
    remedy: str
    details: tuple[str, ...] = field(default=(), compare=False)
