"""The audit: what would make a result untrue, looked for before training starts.

It finds patients and studies on both sides of a split, images that stand twice (identical or nearly
so), contradictory labels among these, images without content, and shortcuts to the label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medcnn.data.audit.look import Look, look
from medcnn.data.audit.near import FALSE_POSITIVES, NEAR
from medcnn.data.audit.notes import noticed, told
from medcnn.data.audit.shortcut import NOT_PROBED, Shortcut, probe_shortcuts
from medcnn.data.audit.statistics import by_split, first_names
from medcnn.data.cache.images import ImageCache
from medcnn.data.manifest import DOUBTED, Manifest
from medcnn.errors import AuditStop
from medcnn.notices import Notice, records

Groups = Sequence[Sequence[str]]
Members = list[npt.NDArray[np.int64]]
"""The rows of each group."""

_REPEATED = (
    "images",
    "patients",
    "duplicate_groups",
    "near_duplicate_groups",
    "cross_split_duplicates",
    "label_conflicts",
)
_SHOWN = 4
"""Members of a group that a sentence shows."""


@dataclass(frozen=True)
class Audit:
    """The findings on one manifest.

    Attributes:
        facts: The counts of ``audit.json``.
        groups: image_ids with identical pixels, group by group.
        near_groups: image_ids of copies that are not all identical, group by group.
        findings: What a reader has to know.
        leaks: What makes results on the test split untrue.
        not_checked: What the audit could not look for, and why.
        before: The audit of the data as they were read, where repeated images were dropped since.
    """

    facts: Mapping[str, Any]
    groups: Groups
    near_groups: Groups
    findings: Sequence[str]
    leaks: Sequence[str]
    not_checked: Sequence[str] = ()
    before: Audit | None = None

    @property
    def verdict(self) -> str:
        """``stop`` at a leak, ``warn`` at any other finding, else ``pass``."""
        if self.leaks:
            return "stop"
        return "warn" if self.findings else "pass"

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``audit.json``."""
        return {
            **self.facts,
            "verdict": self.verdict,
            "findings": [*self.leaks, *self.findings],
            "notices": records([*self.leaks, *self.findings]),
            "not_checked": list(self.not_checked),
            "groups": [list(group) for group in self.groups],
            "near_groups": [list(group) for group in self.near_groups],
        } | ({"before_deduplication": self.before.summary()} if self.before else {})

    def summary(self) -> dict[str, Any]:
        """Return the counts of images and of those repeated, and the verdict."""
        kept = {name: self.facts[name] for name in _REPEATED}
        return {**kept, "verdict": self.verdict, "leaks": list(self.leaks)}


def run_audit(manifest: Manifest, cache: ImageCache, *, seed: int = 0, probe: bool = True) -> Audit:
    """Return the audit of a manifest with splits, whose readable images are in the cache.

    Args:
        manifest: The images.
        cache: Their pixels.
        seed: Seed of the shortcut probe.
        probe: Whether to look for shortcuts, which takes the longest.
    """
    table = manifest.table.reset_index(drop=True)
    at = cache.rows_of(table["image_id"].tolist())
    seen = look(table, cache, at)
    notes = noticed(table, cache, at)
    shortcut = probe_shortcuts(table, cache, seed=seed) if probe else NOT_PROBED
    same, near = _groups(seen)
    crossing = _differing(table, [*same, *near], "split")
    facts = _facts(table, cache, seen, shortcut, len(same), len(near)) | {
        "cross_split_duplicates": len(crossing),
        "label_conflicts": len(_differing(table, [*same, *near], "label")),
        "splits": by_split(table, cache.facts_of(at, ("rows", "columns", "bits", "kind"))),
        "left_out": dict(manifest.left_out),
        "reader_warnings": notes,
        "warnings": list(manifest.warnings),
    }
    names = table["image_id"].to_numpy()
    return Audit(
        facts=facts,
        groups=[names[group].tolist() for group in same],
        near_groups=[names[group].tolist() for group in near],
        findings=[
            *manifest.doubts,
            *_findings(table, cache, seen, same, near),
            *told(notes, len(table)),
            *shortcut.findings(),
        ],
        leaks=_leaks(table, same, near),
        not_checked=[*seen.not_checked(), *shortcut.reasons],
    )


def enforce(audit: Audit, mode: str) -> None:
    """Stop at a leak where the mode is ``error``.

    Raises:
        AuditStop: If ``mode`` is ``error`` and the verdict is ``stop``.
    """
    if mode == "error" and audit.verdict == "stop":
        raise AuditStop(
            "The audit stopped the run: test results would not be true.",
            expected="no patient and no image on both sides of a split",
            found=" ".join(audit.leaks),
            remedy="data.deduplicate=true drops the training side of what is shared; "
            "data.audit=warn goes on all the same",
        )


def _facts(
    table: pd.DataFrame, cache: ImageCache, seen: Look, shortcut: Shortcut, same: int, near: int
) -> dict[str, Any]:
    return {
        "images": len(table),
        "patients": int(table["patient_id"].nunique()),
        "unreadable": list(cache.unreadable),
        "duplicate_groups": same,
        "near_duplicate_groups": near,
        "near_duplicates": {
            "bar": NEAR,
            "false_positives": FALSE_POSITIVES,
            "pairs": len(seen.pairs),
            "compared": seen.near.compared,
            "judged": seen.near.judged,
            "highest_other_patient": seen.near.highest,
        },
        "cross_split_patients": len(_shared(table, "patient_id")),
        "cross_split_studies": len(_shared(table, "study_id")),
        "shortcut": shortcut.to_json(),
        "blank": table["image_id"][seen.blank].tolist(),
    }


def _leaks(table: pd.DataFrame, same: Members, near: Members) -> list[Notice]:
    return [
        *first_names("patients_cross", _shared(table, "patient_id")),
        *first_names("studies_cross", _shared(table, "study_id")),
        *_contradictions(table),
        *_told("same_across", table, _differing(table, same, "split")),
        *_told("near_across", table, _differing(table, near, "split")),
    ]


def _contradictions(table: pd.DataFrame) -> list[Notice]:
    """Return a sentence of patients of DICOM headers whom the table calls by several names.

    It shows an image of each: the header's identifier is none that may leave.
    """
    if DOUBTED not in table:
        return []
    known = table[table[DOUBTED].notna()]
    groups = known.groupby(DOUBTED, sort=False)
    several = groups["patient_id"].nunique()
    crossing = groups["split"].nunique()
    images = groups["image_id"].first()
    names = images[(several > 1) | (crossing > 1)].tolist()
    return first_names("headers_contradict", names, crossing=int((crossing > 1).sum()))


def _findings(
    table: pd.DataFrame, cache: ImageCache, seen: Look, same: Members, near: Members
) -> list[Notice]:
    broken = [entry["image_id"] for entry in cache.unreadable]
    found = first_names("unreadable", broken)
    for groups, what in ((same, "same"), (near, "near")):
        inside = _within(table, groups)
        if what == "near":
            # Two exposures of one patient within a split resemble one another and do no harm.
            inside = _differing(table, inside, "patient_id")
        found += _told(f"{what}_within", table, inside)
        found += _told(f"{what}_label", table, _differing(table, groups, "label"))
    return found + first_names("blank", table["image_id"][seen.blank].tolist())


def _groups(seen: Look) -> tuple[Members, Members]:
    """Return groups of rows with the same pixels, and groups of copies that are not all the same."""
    same = _members(seen.first)
    if not len(seen.pairs):
        return same, []
    n = len(seen.first)
    left = np.concatenate([np.arange(n), seen.pairs[:, 0]])
    right = np.concatenate([seen.first, seen.pairs[:, 1]])
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    mixed = np.unique(component[seen.pairs[:, 0]])
    return same, [group for group in _members(component) if component[group[0]] in mixed]


def _members(key: npt.NDArray[np.integer[Any]]) -> Members:
    """Return the rows of each value that stands more than once, in the order of first rows."""
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order])) + 1
    groups = [group for group in np.split(order, starts) if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))


def _differing(table: pd.DataFrame, groups: Members, column: str) -> Members:
    values = table[column].to_numpy()
    return [group for group in groups if len(set(values[group].tolist())) > 1]


def _within(table: pd.DataFrame, groups: Members) -> Members:
    values = table["split"].to_numpy()
    return [group for group in groups if len(set(values[group].tolist())) == 1]


def _told(key: str, table: pd.DataFrame, groups: Members) -> list[Notice]:
    """Return one notice that counts groups of images and shows the members of the first three."""
    names = table["image_id"].to_numpy()
    sign = "=" if key.startswith("same") else "≈"
    return first_names(key, [f" {sign} ".join(names[group[:_SHOWN]]) for group in groups])


def _shared(table: pd.DataFrame, column: str) -> list[str]:
    counts = table.groupby(column)["split"].nunique()
    return [str(name) for name in counts.index[counts > 1]]
