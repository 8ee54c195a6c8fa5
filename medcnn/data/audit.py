"""The audit: what would make a result untrue, looked for before training starts.

It finds patients and studies on both sides of a split, images that stand twice (identical pixels as
the model sees them), contradictory labels among these, and images without content. It does not look
for near-duplicates and shortcuts yet, and says so: their keys are null.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.cache import ImageCache
from medcnn.data.manifest import SPLITS, Manifest
from medcnn.errors import AuditStop

BLANK_SD = 2.0
"""Grey levels of 255: an image whose standard deviation is below shows nothing."""


@dataclass(frozen=True)
class Audit:
    """The findings on one manifest; ``groups`` are lists of image_ids with identical pixels."""

    facts: Mapping[str, Any]
    groups: Sequence[Sequence[str]]
    findings: Sequence[str]
    leaks: Sequence[str]

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
            "not_checked": ["near-duplicates", "shortcuts"],
            "groups": [list(group) for group in self.groups],
        }


def run_audit(manifest: Manifest, cache: ImageCache) -> Audit:
    """Return the audit of a manifest with splits, whose readable images are in the cache."""
    table = manifest.table
    digests, blank = _look(cache, cache.rows_of(table["image_id"].tolist()))
    groups = _groups(table["image_id"].to_numpy(), digests)
    rows = table.set_index("image_id")
    crossing = [group for group in groups if rows.loc[group, "split"].nunique() > 1]
    conflicts = [group for group in groups if rows.loc[group, "label"].nunique() > 1]
    patients = _shared(table, "patient_id")
    studies = _shared(table, "study_id")
    facts = {
        "images": len(table),
        "patients": int(table["patient_id"].nunique()),
        "unreadable": list(cache.unreadable),
        "duplicate_groups": len(groups),
        "near_duplicate_groups": None,
        "cross_split_duplicates": len(crossing),
        "cross_split_patients": len(patients),
        "label_conflicts": len(conflicts),
        "shortcut": {"auroc": None},
        "blank": [str(name) for name in table["image_id"][blank]],
        "splits": _by_split(table),
    }
    leaks = [
        *_sentence(patients, "patients stand in more than one split"),
        *_sentence(studies, "studies stand in more than one split"),
        *_sentence([group[0] for group in crossing], "identical images stand across splits"),
    ]
    inside = [group[0] for group in groups if group not in crossing]
    findings = [
        *_sentence([entry["image_id"] for entry in cache.unreadable], "files are not readable"),
        *_sentence(inside, "groups of identical images stand within one split"),
        *_sentence([group[0] for group in conflicts], "groups of identical images differ in label"),
        *_sentence(list(table["image_id"][blank]), "images are blank or nearly so"),
    ]
    return Audit(facts, groups, findings, leaks)


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
            remedy="data.deduplicate=true drops the training copy of repeated images; "
            "data.audit=warn goes on all the same",
        )


def deduplicate(manifest: Manifest, audit: Audit) -> Manifest:
    """Return the manifest with one copy of each repeated image, test before val before train.

    The test split stays whole. Copies whose labels contradict each other are all dropped from train.
    """
    table = manifest.table.set_index("image_id", drop=False)
    drop: list[str] = []
    for group in audit.groups:
        copies = table.loc[list(group)]
        order = copies["split"].map({"test": 0, "val": 1, "train": 2})
        keep = order.sort_values(kind="stable").index[0]
        contradictory = copies["label"].nunique() > 1 and copies.loc[keep, "split"] == "train"
        drop += [
            name
            for name in group
            if copies.loc[name, "split"] != "test" and (name != keep or contradictory)
        ]
    if not drop:
        return manifest
    lost = table.loc[drop, "split"].value_counts()
    counts = ", ".join(f"{lost[split]} of {split}" for split in SPLITS if split in lost)
    return manifest.with_table(
        table.drop(index=drop),
        f"{len(drop)} repeated images were dropped ({counts}), because data.deduplicate is true.",
    )


def _look(
    cache: ImageCache, rows: npt.NDArray[np.int64]
) -> tuple[list[bytes], npt.NDArray[np.bool_]]:
    digests: list[bytes] = []
    deviation: list[float] = []
    for start in range(0, len(rows), 256):
        images = cache.take(rows[start : start + 256])
        digests += [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
        scale = 255.0 / np.iinfo(images.dtype).max
        deviation += (images.std(axis=(1, 2)) * scale).tolist()
    return digests, np.asarray(deviation) < BLANK_SD


def _groups(image_ids: npt.NDArray[np.object_], digests: Sequence[bytes]) -> list[list[str]]:
    found: dict[bytes, list[str]] = {}
    for name, digest in zip(image_ids, digests, strict=True):
        found.setdefault(digest, []).append(str(name))
    return [group for group in found.values() if len(group) > 1]


def _shared(table: pd.DataFrame, column: str) -> list[str]:
    counts = table.groupby(column)["split"].nunique()
    return [str(name) for name in counts.index[counts > 1]]


def _by_split(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "split": split,
            "images": len(rows),
            "patients": int(rows["patient_id"].nunique()),
            "abnormal": int(rows["label"].sum()),
        }
        for split in SPLITS
        for rows in [table[table["split"] == split]]
    ]


def _sentence(names: Iterable[object], what: str) -> list[str]:
    listed = [str(name) for name in names]
    if not listed:
        return []
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return [f"{len(listed)} {what}: {', '.join(listed[:3])}{more}."]
