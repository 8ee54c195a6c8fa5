"""What ``data.deduplicate=true`` does about images that stand twice."""

from __future__ import annotations

import pandas as pd

from medcnn.data.audit import Audit
from medcnn.data.manifest import SPLITS, Manifest

_ORDER = {"test": 0, "val": 1, "train": 2}


def deduplicate(manifest: Manifest, audit: Audit) -> Manifest:
    """Return the manifest without the copies that would make results untrue.

    Of identical images one is kept, test before val before train; where their labels contradict each
    other, none is kept for training. Near copies are dropped where they stand across splits, and kept
    within one, where they are merely similar exposures. The test split stays whole.
    """
    table = manifest.table.set_index("image_id", drop=False)
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
    if not drop:
        return manifest
    return manifest.with_table(table.drop(index=list(drop)), _report(table, list(drop)))


def _report(table: pd.DataFrame, drop: list[str]) -> str:
    lost = table.loc[drop, "split"].value_counts()
    counts = ", ".join(f"{lost[split]} of {split}" for split in SPLITS if split in lost)
    return f"{len(drop)} repeated images were dropped ({counts}), because data.deduplicate is true."
