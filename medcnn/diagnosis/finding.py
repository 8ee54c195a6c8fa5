"""One finding of the doctor: what, on which evidence, and what to try."""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("problem", "caution", "note", "good")
"""From what spoils the result to what is well."""


@dataclass(frozen=True)
class Finding:
    """What the curves show.

    Attributes:
        name: A stable word, such as ``over_fitting``.
        severity: One of ``SEVERITIES``.
        says: What it means, in one sentence.
        evidence: The numbers that it rests on.
        overrides: What to try next, the first first; each is an argument of ``train.py``.
        epoch: The epoch that it points at, from 0, or None.
    """

    name: str
    severity: str
    says: str
    evidence: str
    overrides: tuple[str, ...] = ()
    epoch: int | None = None


def rate(value: float) -> str:
    """Return the override of a learning rate, two digits.

    >>> rate(0.00030000000000000003)
    'optimizer.lr=0.0003'
    """
    return f"optimizer.lr={float(f'{value:.2g}'):g}"
