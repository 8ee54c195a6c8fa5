"""What ``data.deduplicate=true`` does about images and patients that stand on both sides of a split."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from medcnn.data.audit.audit import Audit
from medcnn.data.manifest import DOUBTED, SPLITS, Manifest

_ORDER = {"test": 0, "val": 1, "train": 2}


def deduplicate(manifest: Manifest, audit: Audit) -> Manifest:
    """Return the manifest without the rows that would make results untrue.

    Of identical images one is kept, test before val before train; where their labels contradict each
    other, none is kept for training. Near copies are dropped where they stand across splits, and kept
    within one, where they are merely similar exposures. A patient or study of test leaves val and
    train, one of val leaves train. The test split stays whole.
    """
    table = manifest.table.set_index("image_id", drop=False)
    repeated = _repeated(table, audit)
    shared = [name for name in _shared(table) if name not in repeated]
    if not repeated and not shared:
        return manifest
    told = [
        *_told(table, repeated, "Repeated images"),
        *_told(table, shared, "Images of patients or studies of a later split"),
    ]
    return manifest.with_table(table.drop(index=[*repeated, *shared]), *told)


def _repeated(table: pd.DataFrame, audit: Audit) -> dict[str, None]:
    split, label = table["split"].to_dict(), table["label"].to_dict()
    drop: dict[str, None] = {}
    for group in audit.groups:
        keep = min(group, key=lambda name: _ORDER[split[name]])
        contradictory = len({label[name] for name in group}) > 1 and split[keep] == "train"
        drop |= dict.fromkeys(
            name for name in group if split[name] != "test" and (name != keep or contradictory)
        )
    for group in audit.near_groups:
        best = min(_ORDER[split[name]] for name in group)
        drop |= dict.fromkeys(name for name in group if _ORDER[split[name]] > best)
    return drop


def _shared(table: pd.DataFrame) -> list[str]:
    order = table["split"].map(_ORDER)
    names = [name for name in ("patient_id", "study_id", DOUBTED) if name in table]
    later = [order > order.groupby(table[name]).transform("min") for name in names]
    return table.index[pd.concat(later, axis=1).any(axis=1)].tolist()


def _told(table: pd.DataFrame, drop: Collection[str], what: str) -> list[str]:
    if not drop:
        return []
    lost = table.loc[list(drop), "split"].value_counts()
    counts = ", ".join(f"{lost[split]} of {split}" for split in SPLITS if split in lost)
    return [f"{what} were dropped, because data.deduplicate is true: {counts}."]
