"""How the images reached the result: the counts behind the flow figure and the data table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from medcnn.data.manifest import SPLITS
from medcnn.reporting.contents import Contents

# The cells of the 2×2 table below each call of the threshold.
CALLS = {"called_abnormal": ("tp", "fp"), "called_normal": ("tn", "fn")}


@dataclass(frozen=True)
class Group:
    """The cases of one split or stage; None is unknown.

    Attributes:
        cases: How many there are.
        patients: Of how many patients.
        abnormal: How many of them are abnormal.
        unit: What a case is: ``image``, ``study`` or ``patient``.
    """

    cases: int | None
    patients: int | None = None
    abnormal: int | None = None
    unit: str = "image"

    @property
    def prevalence(self) -> float | None:
        """The share of abnormal cases."""
        return self.abnormal / self.cases if self.cases and self.abnormal is not None else None


@dataclass(frozen=True)
class Flow:
    """The stages from what was found to what was evaluated.

    Attributes:
        found: Every image that the data source listed.
        unreadable: Images that no pixels could be read from.
        splits: What each split holds, by name.
        evaluated: The cases behind the results.
        not_evaluated: Images of the evaluated split that have no prediction.
        outcomes: The confusion counts tp, fp, tn, fn, where there are any.
        referred: Cases of each outcome that a referral would pass to a radiologist instead; empty
            where none was asked for. They are among ``outcomes``, so no case is counted twice.
        repeated: Images left out because they, or their patient, stand elsewhere in the data.
    """

    found: Group | None
    unreadable: int | None
    splits: dict[str, Group]
    evaluated: Group
    not_evaluated: int | None
    outcomes: dict[str, int]
    referred: dict[str, int] = field(default_factory=dict)
    repeated: int = 0

    def called(self, name: str) -> int | None:
        """Return how many cases got the call ``name`` of ``CALLS``; None is unknown."""
        return sum(self.outcomes[cell] for cell in CALLS[name]) if self.outcomes else None

    def called_but_referred(self, name: str) -> int | None:
        """Return how many of these a radiologist would decide; None where nothing is referred."""
        return sum(self.referred[cell] for cell in CALLS[name]) if self.referred else None


def count_flow(contents: Contents) -> Flow:
    """Count the images through manifest, splits and predictions."""
    manifest, split = contents.manifest, contents.results.split
    evaluated = _group(contents.cases, contents.unit)
    outcomes = contents.outcomes
    referred = _referred(contents)
    if manifest is None:
        splits = {split: evaluated}
        if contents.validation is not None and split != "val":
            splits = {"val": _group(contents.validation), **splits}
        return Flow(None, None, splits, evaluated, None, outcomes, referred)
    names = dict.fromkeys((*SPLITS, split)) if "split" in manifest else {}
    # Folds that were held out in turn leave a single split.
    groups = {name: _group(manifest[manifest["split"] == name]) for name in names}
    splits = {name: group for name, group in groups.items() if group.cases}
    unreadable = contents.audit.get("unreadable")
    before = contents.audit.get("before_deduplication") or {}
    repeated = int(before.get("images", len(manifest))) - len(manifest)
    found = Group(
        len(manifest) + repeated + _outside(unreadable, manifest),
        before.get("patients", _group(manifest).patients),
    )
    listed = splits.get(split)
    lacking = None
    if listed is not None:
        # Studies and patients are named in the image_id column of their predictions.
        named = manifest.get(f"{contents.unit}_id")
        if named is not None:
            rows = named[manifest["split"] == split].astype(str)
            lacking = int((~rows.isin(contents.cases["image_id"].astype(str))).sum())
    count = len(unreadable) if isinstance(unreadable, list) else None
    return Flow(found, count, splits, evaluated, lacking, outcomes, referred, repeated)


def _referred(contents: Contents) -> dict[str, int]:
    """Return what of each outcome is not decided automatically; empty without a referral."""
    referral = contents.results.uncertainty.referral
    if referral is None:
        return {}
    automatic = referral.automatic.confusion
    kept = {} if automatic is None else {cell: int(n) for cell, n in vars(automatic).items()}
    return {cell: n - kept.get(cell, 0) for cell, n in contents.outcomes.items()}


def _group(table: pd.DataFrame, unit: str = "image") -> Group:
    patients = int(table["patient_id"].nunique()) if "patient_id" in table else None
    labels = pd.to_numeric(table["label"], errors="coerce") if "label" in table else None
    abnormal = None if labels is None else int((labels == 1).sum())
    return Group(len(table), patients, abnormal, unit)


def _outside(unreadable: Any, manifest: pd.DataFrame) -> int:
    """Count the unreadable images that were taken out of the manifest."""
    if not isinstance(unreadable, list):
        return 0
    known = set(manifest["image_id"]) | set(manifest.get("path", pd.Series(dtype=str)))
    names = [
        [str(value) for value in item.values()] if isinstance(item, dict) else [str(item)]
        for item in unreadable
    ]
    return sum(known.isdisjoint(words) for words in names)
