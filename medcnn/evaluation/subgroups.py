"""Subgroups: the same measures group by group, and whether a group differs from the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import special, stats

from medcnn.errors import unknown_name
from medcnn.evaluation.cases import Cases, cases_of
from medcnn.evaluation.measures import headline, shares_of
from medcnn.evaluation.parts import Headline
from medcnn.files.records import OBJECT
from medcnn.metrics import calibration
from medcnn.metrics.auroc import auroc_value, auroc_variance
from medcnn.metrics.bins import calibration_errors
from medcnn.metrics.comparison import holm
from medcnn.metrics.estimate import BoolArray, Estimate
from medcnn.metrics.proportions import effective_size

FEW = 10  # cases of a class below which a group is marked small
MOST_GROUPS = 20
SEVERAL = "|"  # between the names of a value that lists several
AGE_BANDS = ((0, "0-17"), (18, "18-39"), (40, "40-59"), (60, "60-79"), (80, "80+"))
TESTED = ("sensitivity", "specificity", "auroc")
UNITS = {"Y": 1.0, "M": 1 / 12, "W": 1 / 52.18, "D": 1 / 365.25}


@dataclass(frozen=True)
class Gap:
    """How a group differs from all other cases.

    Attributes:
        difference: Group minus others.
        p_value: Of Fisher's exact test, or DeLong's for the AUROC; None where it cannot be tested.
        p_holm: The same after Holm's correction over every gap of every column.
    """

    difference: Estimate
    p_value: float | None
    p_holm: float | None = None


@dataclass(frozen=True)
class GroupCalibration:
    """How far the probabilities of a group can be taken at their word.

    Meaningless in a group that the label itself makes, such as a finding: all its cases are abnormal.
    """

    brier: Estimate
    ece: Estimate
    mean_p: Estimate


@dataclass(frozen=True, kw_only=True)
class Group:
    """Which cases a subgroup holds.

    Attributes:
        column: The column that makes the groups, such as ``sex``.
        group: The value of this one, such as ``F``.
        n: Its cases.
        n_patients: Their patients.
        prevalence: Its share of abnormal cases.
        small: Whether a class has too few cases to read much into.
    """

    column: str
    group: str
    n: int
    n_patients: int
    prevalence: float
    small: bool = False

    @property
    def title(self) -> str:
        """Column and value in one."""
        return f"{self.column}={self.group}"


@dataclass(frozen=True, kw_only=True)
class Subgroup(Headline, Group):
    """The measures of a group.

    Attributes:
        calibration: None where a class is absent.
        gaps: Its differences from all other cases, by measure; empty where there are no others.
    """

    calibration: GroupCalibration | None = field(default=None, metadata=OBJECT)
    gaps: dict[str, Gap] = field(default_factory=dict, metadata=OBJECT)

    @property
    def smallest_p(self) -> float | None:
        """The smallest p-value of its gaps: Holm's correction spans them all, so it may be quoted."""
        found = (gap.p_holm for gap in self.gaps.values())
        return min((p for p in found if p is not None), default=None)


def subgroup_results(
    table: pd.DataFrame,
    columns: Sequence[str],
    threshold: float,
    *,
    level: float = 0.95,
    clusters: bool = True,
) -> tuple[Subgroup, ...]:
    """Return one entry for every group of every column.

    Raises:
        ConfigError: If there is no such column.
    """
    entries = []
    for column in columns:
        if column not in table:
            raise unknown_name("column of the predictions", column, map(str, table.columns))
        for name, inside in members(table[column]).items():
            entry = _entry(table[inside], column, name, threshold, level, clusters)
            if not inside.all():
                ours, theirs = (cases_of(table[m], clusters=clusters) for m in (inside, ~inside))
                entry = replace(entry, gaps=_gaps(ours, theirs, threshold, level))
            entries.append(entry)
    return _corrected(entries, len(table))


def members(column: pd.Series) -> dict[str, BoolArray]:
    """Return which rows each group of a column holds, by the name of the group.

    Where a value lists several names (``Effusion|Mass``), as the findings of a radiograph do, each
    of the 20 most frequent names is a group of its own, and groups overlap.
    """
    texts = column.fillna("").astype(str).reset_index(drop=True)
    if not texts.str.contains(SEVERAL, regex=False).any():
        groups = group_names(column)
        return {name: (groups == name).to_numpy() for name in sorted(groups.unique())}
    listed = texts.str.split(SEVERAL).explode().str.strip()
    listed = listed[listed != ""]
    kept = sorted(listed.value_counts().index[:MOST_GROUPS])
    return {name: texts.index.isin(listed.index[listed == name]) for name in kept}


def group_names(column: pd.Series) -> pd.Series:
    """Return the group of each row as text.

    Ages (numbers of a column named after age, or DICOM age strings such as ``045Y``, PS3.5 6.2) go
    into bands, other numbers with more than 10 values into quarters; empty values are ``missing``,
    and groups beyond the 19 largest of more than 20 are ``other``.
    """
    numbers = _years(column) if _is_age(column) else pd.to_numeric(column, errors="coerce")
    blank = column.isna() | (column.astype(str).str.strip() == "")
    numeric = bool((numbers.notna() | blank).all())
    if numeric and _is_age(column):
        lows = np.array([low for low, _ in AGE_BANDS])
        names = np.array([name for _, name in AGE_BANDS])
        band = np.searchsorted(lows, numbers.fillna(0).clip(lower=0), side="right") - 1
        named = pd.Series(names[band], index=column.index, dtype=object)
    elif numeric and numbers.nunique() > 10:
        named = pd.qcut(numbers, 4, duplicates="drop").astype(str).astype(object)
    else:
        named = column.astype(str).astype(object)
    named[blank] = "missing"
    if named.nunique() > MOST_GROUPS:
        kept = set(named.value_counts().index[: MOST_GROUPS - 1])
        named = named.where(named.isin(kept), "other")
    return named


def _is_age(column: pd.Series) -> bool:
    return str(column.name).lower() in ("age", "patient_age", "patientage", "age_years")


def _years(column: pd.Series) -> pd.Series:
    parts = column.astype(str).str.extract(r"^\s*(\d+(?:\.\d+)?)\s*([YMWD]?)\s*$")
    return pd.to_numeric(parts[0], errors="coerce") * parts[1].map(UNITS).fillna(1.0)


def _entry(
    table: pd.DataFrame,
    column: str,
    group: str,
    threshold: float,
    level: float,
    clusters: bool,
) -> Subgroup:
    cases = cases_of(table, clusters=clusters)
    present = [count for count in (cases.positives, cases.negatives) if count]
    both = len(present) == 2
    return Subgroup(
        column=column,
        group=group,
        n=len(table),
        n_patients=cases.patients,
        prevalence=float(cases.label.mean()),
        small=min(present) < FEW,
        **vars(headline(cases, threshold, level)),
        calibration=_calibration(cases, level) if both else None,
    )


def _calibration(cases: Cases, level: float) -> GroupCalibration:
    losses = calibration.brier_losses(cases.label, cases.p)
    return GroupCalibration(
        brier=calibration.mean_estimate(losses, cases.cluster, level),
        ece=calibration_errors(cases.label, cases.p)["ece"],
        mean_p=calibration.mean_estimate(cases.p, cases.cluster, level),
    )


def _gaps(group: Cases, rest: Cases, threshold: float, level: float) -> dict[str, Gap]:
    """Return the gaps of a group; patients with images on both sides count as two."""
    ours, theirs = (headline(cases, threshold, level) for cases in (group, rest))
    gaps = {}
    for name in TESTED:
        test = _auroc_p(group, rest) if name == "auroc" else _share_p(group, rest, threshold, name)
        gaps[name] = Gap(difference(getattr(ours, name), getattr(theirs, name)), test)
    return gaps


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return first minus second of independent estimates, from their two intervals.

    The square-and-add method of Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10, also
    known as MOVER (Zou and Donner 2008).
    """
    if first.value is None or second.value is None:
        return Estimate(None, None, "mover", "undefined on one side")
    value = first.value - second.value
    if first.ci is None or second.ci is None:
        return Estimate(value, None, "mover")
    low = math.hypot(first.value - first.ci[0], second.ci[1] - second.value)
    high = math.hypot(first.ci[1] - first.value, second.value - second.ci[0])
    return Estimate(value, (max(value - low, -1.0), min(value + high, 1.0)), "mover")


def _share_p(group: Cases, rest: Cases, threshold: float, name: str) -> float | None:
    """Return Fisher's exact p-value, of effective counts where cases are clustered."""
    table = []
    for cases in (group, rest):
        mask, right = shares_of(cases, threshold)[name]
        hits = right[mask].astype(float)
        if len(hits) == 0:
            return None
        n = len(hits) if cases.cluster is None else effective_size(hits, cases.cluster[mask])
        successes = round(float(hits.mean()) * n)
        table.append([successes, round(n) - successes])
    return float(stats.fisher_exact(np.array(table)).pvalue)


def _auroc_p(group: Cases, rest: Cases) -> float | None:
    """Return the p-value of DeLong's test for independent samples; None without variances."""
    values, variance = [], 0.0
    for cases in (group, rest):
        found = auroc_value(cases.label, cases.p)
        spread = auroc_variance(cases.label, cases.p, cases.cluster)
        if found is None or not spread:
            return None
        values.append(found)
        variance += spread
    return float(2 * special.ndtr(-abs(values[0] - values[1]) / math.sqrt(variance)))


def _corrected(entries: Sequence[Subgroup], n: int) -> tuple[Subgroup, ...]:
    """Add the p-value after Holm to every gap; two groups that part the cases ask but once."""
    asked: dict[str, float | None] = {}
    names: dict[tuple[int, str], str] = {}
    sizes: dict[str, list[int]] = {}
    for entry in entries:
        sizes.setdefault(entry.column, []).append(entry.n)
    for row, entry in enumerate(entries):
        once = len(sizes[entry.column]) == 2 and sum(sizes[entry.column]) == n
        for metric, gap in entry.gaps.items():
            key = f"{entry.column}\n{'' if once else entry.group}\n{metric}"
            names[row, metric] = key
            asked[key] = gap.p_value
    corrected = holm(asked)
    return tuple(
        replace(
            entry,
            gaps={
                metric: replace(gap, p_holm=corrected[names[row, metric]])
                for metric, gap in entry.gaps.items()
            },
        )
        for row, entry in enumerate(entries)
    )
