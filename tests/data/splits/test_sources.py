from __future__ import annotations

import pandas as pd
import pytest

from medcnn.data.manifest import build_manifest
from medcnn.data.preparation import read_data, split_manifest
from medcnn.data.settings import Data
from medcnn.data.splits.sources import assign_by_source, blocks
from medcnn.data.splits.splits import assign_splits
from medcnn.settings.composition import compose
from medcnn.training.settings import check


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
        lambda rows, balance: assign_splits(rows, Data(split_seed=seed), balance),
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


@pytest.fixture
def configured(tmp_path):
    """The data group for a manifest of 40 patients and 60 images of Montgomery County."""
    rows = [f"i{i},i{i}.png,{i % 2},p{i // 2}" for i in range(80)]
    (tmp_path / "own.csv").write_text("\n".join(["image_id,path,label,patient_id", *rows]))
    images = tmp_path / "set" / "CXR_png"
    images.mkdir(parents=True)
    for i in range(1, 61):
        (images / f"MCUCXR_{i:04d}_{i % 2}.png").touch()
    overrides = [
        *("data=several", "data.sources=[manifest,montgomery]"),
        f"data.roots.manifest={tmp_path / 'own.csv'}",
        f"data.roots.montgomery={tmp_path / 'set'}",
    ]
    return lambda *more: check(compose("train", [*overrides, *more])).data


def test_every_source_of_a_configuration_stands_in_every_split(configured):
    table = split_manifest(read_data(configured()), configured()).table
    assert (pd.crosstab(table["source"], table["split"]) > 0).all(axis=None)
    assert table.groupby("patient_id")["split"].nunique().max() == 1
    assert table["patient_id"].str.startswith(("manifest/", "montgomery/")).all()


def test_a_source_can_be_held_out_as_the_test_split(configured):
    data = configured("data.hold_out=[source:montgomery]")
    table = split_manifest(read_data(data), data).table
    assert set(table["source"][table["split"] == "test"]) == {"montgomery"}
    assert set(table["source"][table["split"] != "test"]) == {"manifest"}
