from __future__ import annotations

import pandas as pd

from medcnn.data.manifest import build_manifest
from medcnn.data.sources.several import combine


def manifest(name, patients, splits="", warnings=(), **columns):
    n = len(patients)
    table = pd.DataFrame(
        {
            "image_id": [f"{i}.png" for i in range(n)],
            "path": [f"/{name}/{i}.png" for i in range(n)],
            "label": [i % 2 for i in range(n)],
            "patient_id": patients,
            "split": splits or [""] * n,
            **columns,
        }
    )
    return build_manifest(
        table,
        source=name,
        label_policy=f"{name} rule",
        citation=f"{name} et al.",
        warnings=warnings,
    )


def test_names_are_unique_by_source():
    found = combine(
        {
            "nih": manifest("nih", ["1", "1", "2"], age=[1.0, 2.0, 3.0], warnings=["one"]),
            "padchest": manifest("padchest", ["1", "2"], warnings=["two"]),
        }
    )
    rows = found.table
    assert rows["image_id"].tolist()[2:4] == ["nih/2.png", "padchest/0.png"]
    assert rows["patient_id"].tolist() == ["nih/1", "nih/1", "nih/2", "padchest/1", "padchest/2"]
    assert rows["study_id"].tolist() == rows["patient_id"].tolist()
    assert rows["source"].tolist() == ["nih"] * 3 + ["padchest"] * 2
    assert rows["age"].isna().tolist() == [False] * 3 + [True] * 2
    assert found.source == "nih+padchest"
    assert found.label_policy == "nih: nih rule. padchest: padchest rule"
    assert found.citation == "nih et al.; padchest et al."
    assert found.warnings == ("one", "two")


def test_linked_patients_stay_one_and_take_the_official_split():
    found = combine(
        {
            "rsna": manifest("rsna", ["nih/1", "nih/2", "image"]),
            "nih": manifest("nih", ["1", "2", "3"], ["train", "test", "train"]),
        }
    )
    rows = found.table
    assert rows["patient_id"].tolist() == [
        *("nih/1", "nih/2", "rsna/image"),
        *("nih/1", "nih/2", "nih/3"),
    ]
    assert rows["split"].tolist() == ["train", "test", "", "train", "test", "train"]
    assert rows["image_id"].is_unique


def test_releases_with_patients_in_common_that_do_not_say_so():
    nih, siim = manifest("nih", ["1", "2"]), manifest("siim", ["a", "b"])
    unmapped, mapped = manifest("rsna", ["x", "y"]), manifest("rsna", ["nih/1", "nih/2"])
    assert combine({"nih": nih, "rsna": mapped}).warnings == ()
    assert "rsna does not say of whom" in combine({"nih": nih, "rsna": unmapped}).warnings[0]
    assert "siim does not say of whom" in combine({"nih": nih, "siim": siim}).warnings[0]
    assert combine({"nih": nih, "padchest": manifest("padchest", ["1", "2"])}).warnings == ()


def test_a_users_own_column_source_is_kept_by_another_name():
    own = manifest("manifest", ["1", "2"], source=["ward A", "ward B"])
    rows = combine({"manifest": own, "nih": manifest("nih", ["1", "2"])}).table
    assert rows["source"].tolist() == ["manifest", "manifest", "nih", "nih"]
    assert rows["manifest_source"].tolist()[:2] == ["ward A", "ward B"]
