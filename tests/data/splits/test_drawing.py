import numpy as np
import pandas as pd
import pytest

from medcnn.data.splits.drawing import draw, fold_of_groups, newest
from medcnn.errors import DataError


def patients(n=600):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "patient_id": [f"p{row}" for row in range(n)],
            "label": rng.random(n) < 0.3,
            "sex": rng.choice(["F", "M"], n),
            "age": rng.integers(18, 95, n),
            "site": rng.choice(["a", "b", "c"], n, p=[0.7, 0.25, 0.05]),
        }
    ).astype({"label": int})


def test_folds_are_equally_large_and_balanced_in_every_stratum():
    table = patients()
    place = table["patient_id"].map(fold_of_groups(table, 5, 0, ("sex", "site"), "patient_id"))
    assert place.value_counts().tolist() == [120] * 5
    counts = table.groupby(["label", "sex", "site"]).apply(
        lambda rows: np.ptp(np.bincount(place[rows.index], minlength=5))
    )
    assert counts.max() <= 1


def test_a_draw_holds_its_fraction_within_small_strata_too():
    table = patients()
    chosen = draw(table, "test", 0.15, 0, ("sex", "site", "age"), "patient_id")
    held = table[table["patient_id"].isin(chosen)]
    for label, count in held["label"].value_counts().items():
        assert count == round(0.15 * (table["label"] == label).sum())
    share = held.groupby("site").size() / table.groupby("site").size()
    assert share.to_numpy() == pytest.approx(0.15, abs=0.05)
    assert held["age"].median() == pytest.approx(table["age"].median(), abs=5)
    assert abs(held["sex"].eq("F").mean() - table["sex"].eq("F").mean()) < 0.03


def test_a_patient_with_one_abnormal_image_counts_as_abnormal():
    table = pd.DataFrame({"patient_id": ["a", "a", "b"] * 20, "label": [0, 1, 0] * 20})
    table["patient_id"] += [str(row // 3) for row in range(60)]
    place = fold_of_groups(table, 4, 0, (), "patient_id")
    of_abnormal = pd.Series({name: fold for name, fold in place.items() if name.startswith("a")})
    assert of_abnormal.value_counts().tolist() == [5, 5, 5, 5]


def test_the_newest_are_by_their_last_image_and_need_dates():
    table = pd.DataFrame(
        {
            "patient_id": ["a", "b", "a", "c"],
            "date": ["2020-01-01", "2020-06-01", "2021-01-01", "2019-01-01"],
        }
    )
    assert newest(table, 0.34, "date", "patient_id") == {"a"}
    with pytest.raises(DataError, match=r"Of \d images, 1 have no date in 'date'"):
        newest(
            table.assign(date=["20200101", "", "20210101", "20200101"]), 0.3, "date", "patient_id"
        )
