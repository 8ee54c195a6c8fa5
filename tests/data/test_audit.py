import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medcnn.data.audit import deduplicate, enforce, run_audit
from medcnn.data.cache import build_cache
from medcnn.data.manifest import build_manifest
from medcnn.data.preparation import read_source
from medcnn.data.splits import assign_splits
from medcnn.errors import AuditStop


def audited(folder, images, **columns):
    names = [f"i{row}" for row in range(len(images))]
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image).save(folder / f"{name}.png")
    table = pd.DataFrame({"image_id": names, "path": [str(folder / f"{n}.png") for n in names]})
    manifest = build_manifest(table.assign(**columns), source="x")
    cache = build_cache(manifest.table, size=16, root=folder / "c", workers=0, progress=False)
    return manifest, run_audit(manifest, cache)


@pytest.fixture
def images():
    return list(np.random.default_rng(0).integers(0, 256, (6, 16, 16), dtype=np.uint8))


LABELS = {"label": [0, 1, 0, 1, 0, 1], "split": ["train", "train", "val", "val", "test", "test"]}


def test_clean_data_pass(tmp_path, images):
    _, audit = audited(tmp_path, images, **LABELS)
    found = audit.to_json()
    assert found["verdict"] == "pass"
    assert (found["images"], found["patients"], found["duplicate_groups"]) == (6, 6, 0)
    enforce(audit, "error")


def test_an_image_on_both_sides_stops_the_run_and_deduplication_mends_it(tmp_path, images):
    images[4] = images[0]
    manifest, audit = audited(tmp_path, images, **LABELS)
    assert audit.to_json()["cross_split_duplicates"] == 1
    with pytest.raises(AuditStop, match="identical images stand across splits"):
        enforce(audit, "error")
    enforce(audit, "warn")
    mended = deduplicate(manifest, audit)
    assert "i0" not in set(mended.table["image_id"])
    assert "i4" in set(mended.table["image_id"])
    assert "1 repeated images were dropped (1 of train)" in mended.warnings[-1]


def test_a_patient_on_both_sides_stops_the_run(tmp_path, images):
    _, audit = audited(tmp_path, images, **LABELS, patient_id=["a", "b", "c", "d", "a", "e"])
    found = audit.to_json()
    assert (found["verdict"], found["cross_split_patients"]) == ("stop", 1)


def test_contradictory_copies_are_reported_and_dropped(tmp_path, images):
    images[1] = images[0]
    manifest, audit = audited(tmp_path, images, **LABELS)
    assert audit.to_json()["label_conflicts"] == 1
    assert audit.verdict == "warn"
    assert not {"i0", "i1"} & set(deduplicate(manifest, audit).table["image_id"])


def test_a_blank_image_is_named(tmp_path, images):
    images[3] = np.full((16, 16), 90, np.uint8)
    _, audit = audited(tmp_path, images, **LABELS)
    assert audit.to_json()["blank"] == ["i3"]


def test_pneumoniamnist_has_four_training_images_again_in_validation(real_data, tmp_path):
    archive = real_data / "pneumoniamnist" / "pneumoniamnist_trainval.npz"
    source = {"_target_": "medcnn.data.sources.medmnist.read", "root": str(archive)}
    manifest = assign_splits(read_source(source))
    cache = build_cache(manifest.table, size=28, root=tmp_path, workers=0, progress=False)
    audit = run_audit(manifest, cache)
    crossing = [
        group
        for group in audit.groups
        if {"train", "val"} <= set(manifest.table.set_index("image_id").loc[group, "split"])
    ]
    assert len(crossing) >= 4
