import numpy as np
import pandas as pd
import pytest

from medcnn.data.manifest import build_manifest
from medcnn.data.splits import assign_splits, write_split
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
        assign_splits(each, seed=3).table.set_index("image_id")["split"].sort_index()
        for each in (one, turned)
    ]
    pd.testing.assert_series_equal(*by_id)
    other = assign_splits(one, seed=4).table.set_index("image_id")["split"].sort_index()
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
        result = assign_splits(manifest(), fold=fold, folds=5)
        assert patients_across(result) == 0
        held.append(set(result.split("test")["image_id"]))
    assert set.union(*held) == set(manifest().table["image_id"])
    assert sum(map(len, held)) == len(manifest())


def test_a_split_is_a_file_that_can_be_given_back(tmp_path):
    first = assign_splits(manifest(), seed=5)
    write_split(first, tmp_path / "s.csv")
    again = assign_splits(manifest(), seed=6, split_file=tmp_path / "s.csv")
    assert again.table["split"].tolist() == first.table["split"].tolist()
    pd.read_csv(tmp_path / "s.csv").iloc[1:].to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(DataError, match="does not name 1 of the 400"):
        assign_splits(manifest(), split_file=tmp_path / "short.csv")


def test_the_newest_patients_are_tested_by_date():
    dates = pd.date_range("2020-01-01", periods=400).strftime("%Y%m%d")
    table = manifest().table.assign(
        patient_id=[f"p{row}" for row in range(400)], date=dates, label=[0, 1] * 200
    )
    result = assign_splits(build_manifest(table, source="x"), by_date="date")
    assert result.split("test")["date"].min() > result.split("train")["date"].max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fold": 5, "folds": 5}, "no fold 5"),
        ({"group": "site"}, "no column 'site'"),
        ({"stratify": ("sex",)}, "no column 'sex'"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        assign_splits(manifest(), **options)


def test_too_few_patients_of_a_class_are_named():
    table = pd.DataFrame({"image_id": list("abcd"), "path": "x", "label": [0, 0, 0, 1]})
    with pytest.raises(DataError, match="has no abnormal image"):
        assign_splits(build_manifest(table, source="x"))
