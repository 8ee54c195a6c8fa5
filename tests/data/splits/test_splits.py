import numpy as np
import pandas as pd
import pytest

from medcnn.data.manifest import build_manifest
from medcnn.data.settings import Data
from medcnn.data.splits.file import write_split
from medcnn.data.splits.splits import assign_splits
from medcnn.errors import DataError


def manifest(n=400, **columns):
    rng = np.random.default_rng(0)
    patient = rng.integers(0, n // 2, n)
    table = pd.DataFrame(
        {
            "image_id": [f"i{row}" for row in range(n)],
            "path": "x.png",
            "label": (patient % 3 == 0).astype(int),
            "patient_id": [f"p{number}" for number in patient],
        }
        | columns
    )
    return build_manifest(table, source="x")


def patients_across(result):
    return int((result.table.groupby("patient_id")["split"].nunique() > 1).sum())


def test_patients_stay_together_and_fractions_hold():
    result = assign_splits(manifest())
    assert patients_across(result) == 0
    groups = result.table.drop_duplicates("patient_id")["split"].value_counts(normalize=True)
    assert groups["val"] == pytest.approx(0.15, abs=0.02)
    assert groups["test"] == pytest.approx(0.15, abs=0.02)
    prevalence = result.table.drop_duplicates("patient_id").groupby("split")["label"].mean()
    assert prevalence.max() - prevalence.min() < 0.03


def test_the_order_of_rows_does_not_matter_and_the_seed_does():
    one = manifest()
    turned = one.with_table(one.table.sample(frac=1, random_state=1))
    by_id = [
        assign_splits(each, Data(split_seed=3)).table.set_index("image_id")["split"].sort_index()
        for each in (one, turned)
    ]
    pd.testing.assert_series_equal(*by_id)
    other = assign_splits(one, Data(split_seed=4)).table.set_index("image_id")["split"].sort_index()
    assert not other.equals(by_id[0])


def test_official_splits_are_honoured():
    split = ["test"] * 100 + ["train"] * 300
    table = manifest().table.assign(patient_id=[f"p{row}" for row in range(400)], split=split)
    result = assign_splits(build_manifest(table, source="x"))
    assert (result.table["split"][:100] == "test").all()
    assert set(result.table["split"][100:]) == {"train", "val"}


def test_folds_partition_the_patients():
    held = []
    for fold in range(5):
        result = assign_splits(manifest(), Data(fold=fold, folds=5))
        assert patients_across(result) == 0
        held.append(set(result.split("test")["image_id"]))
    assert set.union(*held) == set(manifest().table["image_id"])
    assert sum(map(len, held)) == len(manifest())


def test_a_fold_is_validation_where_the_source_has_a_test_split():
    split = ["test"] * 100 + ["train"] * 250 + ["val"] * 50
    table = manifest().table.assign(patient_id=[f"p{row}" for row in range(400)], split=split)
    held = []
    for fold in range(3):
        result = assign_splits(build_manifest(table, source="x"), Data(fold=fold, folds=3))
        assert set(result.split("test")["image_id"]) == set(table["image_id"][:100])
        held.append(set(result.split("val")["image_id"]))
    assert set.union(*held) == set(table["image_id"][100:])
    assert sum(map(len, held)) == 300


def test_a_split_is_a_file_that_can_be_given_back(tmp_path):
    first = assign_splits(manifest(), Data(split_seed=5))
    write_split(first, tmp_path / "s.csv")
    again = assign_splits(manifest(), Data(split_seed=6, split=str(tmp_path / "s.csv")))
    assert again.table["split"].tolist() == first.table["split"].tolist()


def test_the_splits_of_the_source_can_be_forgotten():
    table = manifest().table.assign(split=["test"] * 100 + ["train"] * 300)
    result = assign_splits(build_manifest(table, source="x"), Data(official=False))
    assert patients_across(result) == 0
    assert result.table["split"].tolist() == assign_splits(manifest()).table["split"].tolist()


def test_the_newest_patients_are_tested_by_date():
    dates = pd.date_range("2020-01-01", periods=400).strftime("%Y%m%d")
    table = manifest().table.assign(
        patient_id=[f"p{row}" for row in range(400)], date=dates, label=[0, 1] * 200
    )
    result = assign_splits(build_manifest(table, source="x"), Data(by_date="date"))
    assert result.split("test")["date"].min() > result.split("train")["date"].max()


def test_a_site_is_held_out_with_all_images_of_its_patients():
    site = np.where(np.arange(400) % 5 == 0, "B", "A")
    rows = manifest(site=site)
    result = assign_splits(rows, Data(hold_out=("site:B",)))
    test = result.split("test")
    assert set(test["patient_id"]) == set(rows.table["patient_id"][site == "B"])
    assert patients_across(result) == 0
    with pytest.raises(DataError, match="No image has 'C' in 'site'"):
        assign_splits(rows, Data(hold_out=("site:C",)))


def test_sites_are_groups_of_folds():
    site = [f"s{row % 6}" for row in range(400)]
    own = [f"p{row}" for row in range(400)]
    rows = manifest(site=site)
    rows = rows.with_table(rows.table.assign(patient_id=own, label=[0, 1] * 200))
    rows = rows.with_table(rows.table.assign(label=(np.arange(400) // 6) % 2))
    for fold in range(3):
        result = assign_splits(rows, Data(group="site", fold=fold, folds=3))
        assert result.table.groupby("site")["split"].nunique().max() == 1
        assert result.split("test")["site"].nunique() == 2


@pytest.mark.parametrize("options", [{"by_date": "date"}, {"hold_out": ["site:B"]}])
def test_no_test_split_is_asked_for_beside_the_sources_own(options):
    split = ["test"] * 100 + ["train"] * 300
    rows = manifest(split=split, date="20240101", site=["A", "B"] * 200)
    with pytest.raises(DataError, match="the source has one of its own"):
        assign_splits(rows, Data(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": "site"}, "no column 'site'"),
        ({"stratify": ("sex",)}, "no column 'sex'"),
        ({"hold_out": ["site:B"]}, "a column 'site' that the manifest does not have"),
        ({"by_date": "date", "fold": 0, "folds": 5}, "data.by_date and data.fold both say"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        assign_splits(manifest(), Data(**options))


def test_too_few_patients_of_a_class_are_named():
    table = pd.DataFrame({"image_id": list("abcd"), "path": "x", "label": [0, 0, 0, 1]})
    with pytest.raises(DataError, match="has no abnormal image"):
        assign_splits(build_manifest(table, source="x"))


def test_one_identifier_for_everybody_is_named_as_what_it_is():
    with pytest.raises(
        DataError, match="all 400 images carry one identifier, which looks like"
    ) as told:
        assign_splits(manifest(patient_id="RESEARCH"))
    assert "give patient_id in a manifest" in str(told.value)
    assert "RESEARCH" not in str(told.value)
    assert "larger val_fraction" not in str(told.value)


def test_a_lopsided_split_names_the_identifier_that_many_share():
    labels = [row % 2 for row in range(38)] + [0, 1]
    one = manifest(40, label=labels, patient_id=["RESEARCH"] * 38 + ["a", "b"])
    with pytest.raises(
        DataError, match="38 of 40 images carry one patient_id: if it is a placeholder"
    ):
        assign_splits(one)
