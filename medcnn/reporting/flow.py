"""How the images reached the result: the counts behind the flow figure and the data table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from medcnn.reporting.contents import Contents


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
        referred: Cases that would go to a radiologist; None where none were asked for.
        repeated: Images left out because they, or their patient, stand elsewhere in the data.
    """

    found: Group | None
    unreadable: int | None
    splits: dict[str, Group]
    evaluated: Group
    not_evaluated: int | None
    outcomes: dict[str, int]
    referred: int | None = None
    repeated: int = 0


def count_flow(contents: Contents) -> Flow:
    """Count the images through manifest, splits and predictions."""
    manifest, split = contents.manifest, str(contents.results.get("split") or "test")
    evaluated = _group(contents.cases, contents.unit)
    referral = (contents.results.get("uncertainty") or {}).get("referral") or {}
    referred = referral.get("referred")
    outcomes = {
        k: int(v) for k, v in (contents.results.get("confusion") or {}).items() if v is not None
    }
    if manifest is None:
        splits = {split: evaluated}
        if contents.validation is not None and split != "val":
            splits = {"val": _group(contents.validation), **splits}
        return Flow(None, None, splits, evaluated, None, outcomes, referred)
    names = ["train", "val", "test"] if "split" in manifest else []
    splits = {name: _group(manifest[manifest["split"] == name]) for name in names}
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
