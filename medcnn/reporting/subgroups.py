"""Reading the subgroups of ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medcnn.reporting.estimates import Estimate, read_estimate

MEASURES = ("sensitivity", "specificity", "auroc", "ppv", "npv", "accuracy")


@dataclass(frozen=True)
class Subgroup:
    """One group of cases.

    Attributes:
        column: The column that makes the groups, such as ``sex``.
        value: The value of this group, such as ``F``.
        n: Its cases.
        prevalence: Its share of abnormal cases.
        estimates: Its measures by name.
        small: Whether it is too small to read much into.
        p_value: The smallest adjusted p-value of its gaps to the other cases, where there is one.
        mean_p: Its mean probability, to be held against its prevalence.
        ece: Its expected calibration error.
        brier: Its Brier score.
    """

    column: str
    value: str
    n: int | None
    prevalence: float | None
    estimates: dict[str, Estimate]
    small: bool = False
    p_value: float | None = None
    mean_p: Estimate = field(default_factory=Estimate)
    ece: Estimate = field(default_factory=Estimate)
    brier: Estimate = field(default_factory=Estimate)

    @property
    def has_calibration(self) -> bool:
        """Whether its calibration is known."""
        return self.mean_p.value is not None

    @property
    def title(self) -> str:
        """Column and value in one."""
        return f"{self.column}: {self.value}"


def read_subgroups(results: Mapping[str, Any]) -> list[Subgroup]:
    """Return the subgroups of ``results``, in their order."""
    return [_read(raw) for raw in results.get("subgroups") or []]


def _read(raw: Mapping[str, Any]) -> Subgroup:
    gaps = (gap.get("p_holm") for gap in (raw.get("gaps") or {}).values())
    # Holm's correction spans every gap of every group, so the smallest of them may be quoted.
    p_value = min((float(p) for p in gaps if p is not None), default=None)
    prevalence = read_estimate(raw.get("prevalence"))
    n = read_estimate(raw.get("n"))
    calibration = raw.get("calibration") or {}
    return Subgroup(
        column=str(raw["column"]),
        value=str(raw["group"]),
        n=None if n.value is None else int(n.value),
        prevalence=prevalence.value,
        estimates={name: read_estimate(raw.get(name)) for name in MEASURES},
        small=bool(raw.get("small")),
        p_value=p_value,
        mean_p=read_estimate(calibration.get("mean_p")),
        ece=read_estimate(calibration.get("ece")),
        brier=read_estimate(calibration.get("brier")),
    )
