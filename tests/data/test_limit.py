from __future__ import annotations

import pandas as pd

from medcnn.data.limit import limited
from medcnn.data.manifest import build_manifest


def manifest(patients=300):
    rows = [
        (f"i{p}_{k}", f"{p}_{k}.png", int(p % 3 == 0), f"p{p}", "train" if p % 2 else "test")
        for p in range(patients)
        for k in range(1 + p % 2)
    ]
    names = ["image_id", "path", "label", "patient_id", "split"]
    return build_manifest(pd.DataFrame(rows, columns=names), source="m")


def test_patients_stay_whole_and_proportions_as_they_were():
    whole = manifest()
    part = limited(whole, 90, group="patient_id", seed=0)
    assert 75 <= len(part) <= 105
    before = whole.table.groupby("patient_id").size()
    after = part.table.groupby("patient_id").size()
    assert (after == before[after.index]).all()
    assert abs(part.table["label"].mean() - whole.table["label"].mean()) < 0.1
    assert set(part.table["split"]) == {"train", "test"}
    (told,) = [text for text in part.warnings if text not in whole.warnings]
    assert told.severity == "bad"
    assert told == f"A smoke test on {len(part)} of 450 images (data.limit): no number is a result."


def test_the_draw_follows_the_seed_alone():
    names = [
        limited(manifest(), 60, group="patient_id", seed=s).table["image_id"] for s in (1, 1, 2)
    ]
    assert names[0].equals(names[1])
    assert not names[0].equals(names[2])


def test_a_small_data_set_is_left_as_it_is():
    whole = manifest(20)
    assert limited(whole, 200, group="patient_id", seed=0) is whole
