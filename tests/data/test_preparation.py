import shutil
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest

from medcnn.data.preparation import folds_of, prepare
from medcnn.data.settings import Data, Source
from medcnn.data.splits.file import write_split
from medcnn.errors import AuditStop, ConfigError, DataError
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import read


@pytest.fixture
def data(pictures, tmp_path):
    """Return the data group for 41 images: two alike, and one that is not readable."""
    images = pictures(40, side=80)
    for row, image in enumerate(images):
        cv2.imwrite(str(tmp_path / f"{row}.png"), image)
    (tmp_path / "40.png").write_bytes(b"not a picture")
    shutil.copy(tmp_path / "0.png", tmp_path / "5.png")
    split = ["train"] * 5 + ["val"] * 18 + ["test"] * 18
    table = pd.DataFrame({"image_id": [f"i{row}" for row in range(41)], "split": split})
    table["path"] = [f"{row}.png" for row in range(41)]
    table["label"] = [0, 1] * 20 + [0]
    table.to_csv(tmp_path / "m.csv", index=False)
    root, cache = tmp_path / "m.csv", tmp_path / "cache"

    def group(*overrides):
        given = [f"data.root={root}", f"data.cache_dir={cache}", "data.image_size=64", *overrides]
        cfg = compose("audit", ["data=manifest", *given])
        return read(Data, plain(cfg)["data"])

    return group


def test_the_split_is_saved_whole_though_images_are_left_out(data, tmp_path):
    splits = []
    prepared = prepare(data("data.deduplicate=true"), progress=False, on_split=splits.append)
    assert len(prepared.manifest) == 39
    assert not {"i0", "i40"} & set(prepared.manifest.table["image_id"])
    assert len(splits[0]) == 41
    before = prepared.audit.to_json()["before_deduplication"]
    assert (before["duplicate_groups"], before["verdict"]) == (1, "stop")
    assert prepared.audit.facts["duplicate_groups"] == 0
    asked = "shortcuts: they were not asked for"
    assert asked in prepared.audit.before.not_checked
    assert asked not in prepared.audit.not_checked
    write_split(splits[0], tmp_path / "split.csv")
    again = prepare(
        data("data.deduplicate=true", f"data.split={tmp_path / 'split.csv'}", "data.split_seed=9"),
        progress=False,
    )
    pd.testing.assert_frame_equal(again.manifest.table, prepared.manifest.table)
    assert (
        "1 of 41 images could not be read and were left out: i40 (is not an image)"
        in again.manifest.warnings
    )


def test_a_leak_stops_after_it_was_shown_and_only_where_asked(data):
    shown = []
    with pytest.raises(AuditStop, match="identical images stands across splits: i0 = i5"):
        prepare(data(), progress=False, on_audit=shown.append)
    assert shown[0].verdict == "stop"
    prepared = prepare(data("data.audit=warn"), progress=False)
    assert prepared.audit.verdict == "stop"
    prepared = prepare(data("data.audit=off"), progress=False)
    assert prepared.audit is None
    assert "The data audit was switched off." in prepared.manifest.warnings


def test_patients_on_both_sides_stop_the_run_or_leave_training(data):
    given = data("data.deduplicate=true")
    table = pd.read_csv(given.root)
    shared = {30: 2, 31: 6}  # of test, with train and with val
    table["patient_id"] = [f"p{shared.get(row, row)}" for row in range(41)]
    table.to_csv(given.root, index=False)
    with pytest.raises(AuditStop, match="2 patients stand in more than one split"):
        prepare(data(), progress=False)
    prepared = prepare(given, progress=False)
    assert prepared.audit.facts["cross_split_patients"] == 0
    assert len(prepared.manifest.split("test")) == 17  # all but the unreadable one
    assert prepared.manifest.warnings[-1] == (
        "Images of patients or studies of a later split were dropped, because data.deduplicate is "
        "true: 1 of train, 1 of val."
    )


def test_mending_that_leaves_a_split_without_a_class_is_an_error(data):
    given = data("data.deduplicate=true")
    table = pd.read_csv(given.root)
    table["patient_id"] = "everybody"
    table.to_csv(given.root, index=False)
    with pytest.raises(DataError, match="The train split has no normal image"):
        prepare(given, progress=False)


def test_what_is_tested_can_be_held_out_by_value(data):
    prepared = prepare(
        data("data.official=false", "data.hold_out=[image_id:i7,image_id:i8]"),
        progress=False,
    )
    assert prepared.manifest.split("test")["image_id"].tolist() == ["i7", "i8"]


def test_one_name_stands_for_a_list_of_one(data):
    with pytest.raises(DataError, match="no column 'sex' to split by"):
        prepare(data("data.stratify=sex"), progress=False)
    overrides = ("data.official=false", "data.hold_out=site:B")
    with pytest.raises(DataError, match="a column 'site' that the manifest does not have"):
        prepare(data(*overrides), progress=False)


def test_only_sources_are_called(data):
    options = replace(data(), source=Source("os.system", {"command": "true"}))
    with pytest.raises(ConfigError, match=r"may not call 'os\.system'"):
        prepare(options, progress=False)


@pytest.fixture
def three_makers(pictures, tmp_path):
    """Return the data group for 120 images of three makers (dark, noisy, plain), one unreadable."""
    rng = np.random.default_rng(0)
    maker = rng.integers(0, 3, 120)
    rows = []
    for row, (by, picture) in enumerate(zip(maker, pictures(120, side=48), strict=True)):
        noise = rng.normal(0, 25, picture.shape) * (by == 1)
        image = np.clip(picture * (0.5 if by == 0 else 1) + noise, 0, 255)
        cv2.imwrite(str(tmp_path / f"{row}.png"), image.astype(np.uint8))
        rows.append((f"i{row}", f"{row}.png", row % 2, f"p{row // 2 % 30}-{by}", by))
    rows.append(("broken", "broken.png", 0, "q", 0))
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    names = ["image_id", "path", "label", "patient_id", "maker"]
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "m.csv", index=False)

    def group(*overrides):
        given = [f"data.root={tmp_path / 'm.csv'}", f"data.cache_dir={tmp_path / 'cache'}"]
        given += ["data=manifest", "data.image_size=48", "data.audit=off", *overrides]
        return read(Data, plain(compose("audit", given))["data"])

    return group


def test_folds_by_acquisition_are_tested_on_makers_that_they_never_saw(three_makers):
    asked = ("data.fold_by=acquisition", "data.folds=3")
    tested = []
    for fold in range(3):
        prepared = prepare(three_makers(*asked, f"data.fold={fold}"), progress=False)
        table = prepared.manifest.table
        held = table[table["split"] == "test"]
        assert held["maker"].nunique() == 1
        assert not set(held["maker"]) & set(table.loc[table["split"] != "test", "maker"])
        assert not set(held["acquisition"]) & set(
            table.loc[table["split"] != "test", "acquisition"]
        )
        tested += held["image_id"].tolist()
    assert sorted(tested) == sorted(f"i{row}" for row in range(120))


def test_as_many_folds_as_sources_where_their_number_is_not_asked_for(three_makers):
    assert folds_of(three_makers("data.fold_by=maker", "data.fold=all")) == 3
    assert folds_of(three_makers("data.fold_by=acquisition", "data.fold=all")) == 5
    assert folds_of(three_makers("data.fold_by=acquisition", "data.acquisitions=4")) == 4


def test_clusters_may_be_found_without_folds_of_them(three_makers):
    prepared = prepare(three_makers("data.acquisitions=3"), progress=False)
    table = prepared.manifest.table
    drawn = table["split"] != "test"
    assert (table.loc[~drawn, "acquisition"] == "").all()
    assert set(table.loc[drawn, "acquisition"]) == {"c1", "c2", "c3"}
