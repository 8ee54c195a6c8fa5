import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcnn.data.audit.audit import enforce, run_audit
from medcnn.data.cache.cache import build_cache
from medcnn.data.manifest import DOUBTED
from medcnn.data.sources import chest_xray, medmnist
from medcnn.data.splits.splits import assign_splits
from medcnn.errors import AuditStop

LABELS = {"label": [0, 1, 0, 1, 0, 1], "split": ["train", "train", "val", "val", "test", "test"]}
CONTRACT = {
    *("images", "patients", "unreadable", "duplicate_groups", "near_duplicate_groups"),
    *("cross_split_duplicates", "cross_split_patients", "label_conflicts", "shortcut", "verdict"),
    *("findings", "not_checked"),
}


def test_clean_data_pass_and_the_keys_are_those_of_the_contract(pictures, stored):
    audit = run_audit(*stored(pictures(6), **LABELS))
    found = audit.to_json()
    assert found.keys() >= CONTRACT
    assert found["verdict"] == "pass"
    assert (found["images"], found["patients"], found["duplicate_groups"]) == (6, 6, 0)
    assert found["shortcut"]["auroc"] is None
    assert "fewer than 20 patients" in found["not_checked"][0]
    enforce(audit, "error")


def test_an_image_on_both_sides_stops_the_run(pictures, stored):
    images = pictures(6)
    images[4] = images[0]
    audit = run_audit(*stored(images, **LABELS))
    assert audit.to_json()["cross_split_duplicates"] == 1
    assert audit.groups == [["i0", "i4"]]
    with pytest.raises(
        AuditStop, match="1 group of identical images stands across splits: i0 = i4"
    ):
        enforce(audit, "error")
    enforce(audit, "warn")


def test_a_near_copy_on_both_sides_stops_the_run(pictures, stored):
    images = pictures(6)
    images[4] = images[0][4:, 3:].copy()
    audit = run_audit(*stored(images, **LABELS))
    found = audit.to_json()
    assert (found["duplicate_groups"], found["near_duplicate_groups"]) == (0, 1)
    assert found["cross_split_duplicates"] == 1
    assert found["near_groups"] == [["i0", "i4"]]
    with pytest.raises(AuditStop, match="nearly identical images stands across splits: i0 ≈ i4"):
        enforce(audit, "error")


def test_a_near_group_takes_in_the_identical_copies_of_its_members(pictures, stored):
    images = pictures(6)
    images[1] = images[0]
    images[4] = np.clip(images[0].astype(int) + 12, 0, 255).astype(np.uint8)
    found = run_audit(*stored(images, **LABELS)).to_json()
    assert found["groups"] == [["i0", "i1"]]
    assert found["near_groups"] == [["i0", "i1", "i4"]]


def test_a_patient_or_a_study_on_both_sides_stops_the_run(pictures, stored):
    shared = ["a", "b", "c", "d", "a", "e"]
    for column, words in (("patient_id", "patient"), ("study_id", "study")):
        other = {"patient_id": list("abcdef")} if column == "study_id" else {}
        audit = run_audit(*stored(pictures(6), **LABELS, **other, **{column: shared}))
        assert audit.verdict == "stop"
        assert any(f"1 {words} stands in more than one split: a." in text for text in audit.leaks)


def test_contradictory_copies_and_copies_in_one_split_are_findings(pictures, stored):
    images = pictures(6)
    images[1] = images[0]
    found = run_audit(*stored(images, **LABELS)).to_json()
    assert (found["label_conflicts"], found["verdict"]) == (1, "warn")
    assert "1 group of identical images stands in one split: i0 = i1." in found["findings"]
    assert "1 group of identical images differs in label: i0 = i1." in found["findings"]


def test_near_copies_in_one_split_are_a_finding_between_patients_alone(pictures, stored):
    images = pictures(8)
    images[1] = np.clip(images[0] * 0.8 + 20, 0, 255).astype(np.uint8)
    split = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    columns = {"label": [0, 0, 1, 1] + [0, 1] * 2, "split": split}
    patients = list("aacdefgh")
    one = run_audit(*stored(images, **columns, patient_id=patients))
    assert (one.verdict, one.facts["near_duplicate_groups"]) == ("pass", 1)
    two = run_audit(*stored(images, **columns))
    assert two.findings == ["1 group of nearly identical images stands in one split: i0 ≈ i1."]


def test_a_blank_image_is_named_and_is_nobodys_copy(pictures, stored):
    images = pictures(6)
    images[3], images[5] = np.full((64, 64), 90, np.uint8), np.full((64, 64), 91, np.uint8)
    found = run_audit(*stored(images, **LABELS)).to_json()
    assert found["blank"] == ["i3", "i5"]
    assert found["near_duplicate_groups"] == 0


def digests(paths):
    return [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths]


def test_chest_xray_repeats_24_images_as_a_hash_of_files_says(real_data, tmp_path):
    manifest = chest_xray.read(real_data / "chest_xray")
    table = manifest.table.assign(digest=digests(manifest.table["path"]))
    repeated = table["digest"].duplicated(keep=False)
    sizes = table[repeated].groupby("digest").size()
    assert (len(sizes), sizes.sum()) == (24, 50)
    some = table[repeated | (np.arange(len(table)) % 12 == 0)]
    manifest = assign_splits(manifest.with_table(some.drop(columns="digest")))
    cache = build_cache(manifest.table, size=96, root=tmp_path, workers=0, progress=False)
    audit = run_audit(manifest, cache)
    expected = some[some["digest"].isin(sizes.index)].groupby("digest")["image_id"].agg(frozenset)
    assert {frozenset(group) for group in audit.groups} == set(expected)
    assert audit.near_groups == []


def test_pneumoniamnist_has_8_images_on_both_sides(real_data, tmp_path):
    released = np.load(real_data / "pneumoniamnist" / "pneumoniamnist_trainval.npz")
    arrays = {}
    for split in ("train", "val"):
        images, labels = released[f"{split}_images"], released[f"{split}_labels"]
        other = released["val_images" if split == "train" else "train_images"]
        known = {image.tobytes() for image in other}
        shared = np.array([image.tobytes() in known for image in images])
        assert shared.sum() == (10 if split == "train" else 8)
        kept = shared | (np.arange(len(images)) % 12 == 0)
        arrays |= {f"{split}_images": images[kept], f"{split}_labels": labels[kept]}
    np.savez(tmp_path / "some.npz", **arrays)
    root = str(tmp_path / "some.npz")
    manifest = assign_splits(medmnist.read(root))
    cache = build_cache(manifest.table, size=28, root=tmp_path, workers=0, progress=False)
    audit = run_audit(manifest, cache)
    sides = [{name.split("_")[0] for name in group} for group in audit.groups]
    assert sum(side == {"train", "val"} for side in sides) == 8
    assert audit.near_groups == []


def test_one_patient_of_the_headers_under_two_names_stops_the_run(pictures, stored):
    doubted = {"patient_id": list("abcdef"), DOUBTED: ["1", None, None, None, "1", None]}
    audit = run_audit(*stored(pictures(6), **LABELS, **doubted))
    with pytest.raises(
        AuditStop,
        match=r"1 patient of the DICOM headers stands under several patient_id of the table "
        r"\(1 across splits; an image of each\): i0\.",
    ):
        enforce(audit, "error")


def test_what_the_source_doubts_and_left_out_is_in_the_audit(pictures, stored):
    manifest, cache = stored(pictures(6), **LABELS)
    told = replace(
        manifest, doubts=("odd names",), warnings=("odd names", "x"), left_out={"mask": 2}
    )
    found = run_audit(told, cache).to_json()
    assert found["left_out"] == {"mask": 2}
    assert found["warnings"] == ["odd names", "x"]
    assert (found["findings"], found["verdict"]) == (["odd names"], "warn")
