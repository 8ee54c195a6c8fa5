from __future__ import annotations

import pandas as pd

from medcnn.data.manifest import build_manifest
from medcnn.data.source_splits import assign_by_source, blocks
from medcnn.data.splits import SplitPlan, assign_splits


def manifest():
    """Source a publishes test, b shares patients with a, c publishes nothing, d all three."""
    rows = []
    for source, patients, shared in (
        ("a", 60, "a"),
        ("b", 40, "a"),
        ("c", 60, "c"),
        ("d", 30, "d"),
    ):
        for i in range(patients):
            by_list = "test" if i >= 48 else "train"
            thirds = ("train", "val", "test")[i // 10 % 3]
            split = {"a": by_list, "b": by_list, "c": "", "d": thirds}[source]
            rows.append(
                {
                    "image_id": f"{source}/{i}",
                    "path": f"/{source}/{i}",
                    "label": i % 2,
                    "patient_id": f"{shared}/{i}",
                    "split": split,
                    "source": source,
                }
            )
    return build_manifest(pd.DataFrame(rows).sample(frac=1, random_state=0), source="a+b+c+d")


def split(seed=0):
    given = manifest()
    found = assign_by_source(
        given,
        lambda rows, balance: assign_splits(rows, SplitPlan(seed=seed, stratify=balance)),
        group="patient_id",
    )
    return given, found


def test_official_splits_are_honoured_and_the_others_drawn():
    given, found = split()
    rows, before = found.table, given.table
    assert rows["image_id"].tolist() == before["image_id"].tolist()
    official = before["split"] == "test"
    assert rows["split"][official].eq("test").all()
    by_source = pd.crosstab(rows["source"], rows["split"])
    assert by_source.loc["d"].to_dict() == {"train": 10, "val": 10, "test": 10}
    # 15 and 15 in a hundred of the 60 patients of c, which published nothing, rounded by class.
    assert by_source.loc["c"].to_dict() == {"train": 42, "val": 10, "test": 8}
    assert by_source.loc["a", "test"] == 12
    assert by_source.loc["a", "val"] > 0
    assert by_source.loc["b", "val"] > 0


def test_no_patient_is_on_two_sides():
    for seed in range(5):
        _, found = split(seed)
        assert found.table.groupby("patient_id")["split"].nunique().max() == 1


def test_sources_that_share_a_patient_are_one_block():
    assert blocks(manifest().table.sort_values("image_id"), "patient_id") == [
        *(("a", "b"), ("c",), ("d",))
    ]


def test_blocks_join_in_chains():
    table = pd.DataFrame({"source": list("abcdbc"), "patient_id": ["1", "2", "3", "4", "1", "2"]})
    assert blocks(table, "patient_id") == [("a", "b", "c"), ("d",)]
