import numpy as np
import pandas as pd
import pytest

from medcnn.data.splits.source_folds import (
    counted,
    default_folds,
    folds_of_sources,
    held_out,
    source_names,
)
from medcnn.errors import DataError


def table(*sites, images=12):
    """Return images of sites: ``A`` of both classes, ``A0`` and ``A1`` of one."""
    rows = []
    for site in sites:
        for at in range(images):
            label = int(site[1]) if len(site) > 1 else at % 2
            rows.append((f"{site}-{at}", f"{site}-p{at // 2}", site, label))
    return pd.DataFrame(rows, columns=["image_id", "patient_id", "site", "label"]).assign(
        split="train"
    )


def test_each_fold_is_tested_on_sources_and_patients_that_it_never_saw():
    images = table("A", "B", "C", "D")
    # One patient has been to all sites.
    images.loc[images["image_id"].isin(["A-0", "B-0", "C-5"]), "patient_id"] = "traveller"
    folds = folds_of_sources(images, "site", 4, "patient_id")
    tested = []
    for fold in range(4):
        rows = held_out(images, folds, fold, "test", "patient_id")
        train, test = (rows[rows["split"] == name] for name in ("train", "test"))
        assert not set(train["site"]) & set(test["site"])
        assert not set(train["patient_id"]) & set(test["patient_id"])
        lost = set(images["image_id"]) - set(rows["image_id"])
        assert lost == ({"A-0", "B-0", "C-5"} - set(test["image_id"]) if len(lost) else set())
        tested += test["image_id"].tolist()
    assert sorted(tested) == sorted(images["image_id"])
    (told,) = [each for each in folds.notices if each.key == "patients_of_several"]
    assert told.facts["patients"] == 1


def test_more_sources_than_folds_are_dealt_out_evenly():
    rng = np.random.default_rng(0)
    sizes = rng.integers(4, 60, 23)
    images = pd.concat([table(chr(65 + at), images=int(n)) for at, n in enumerate(sizes)])
    folds = folds_of_sources(images, "site", 5, "patient_id")
    of_fold = counted(images, "site").groupby(folds.fold).sum()
    assert len(of_fold) == 5
    assert (of_fold.max() / of_fold.min()).max() < 1.3


def test_a_source_of_one_class_is_tested_with_another_and_told():
    folds = folds_of_sources(table("A", "B", "C", "D1"), "site", 3, "patient_id")
    assert sorted(folds.fold.values()) in ([0, 0, 1, 2], [0, 1, 1, 2], [0, 1, 2, 2])
    assert any(each.key == "one_class_sources" for each in folds.notices)


@pytest.mark.parametrize(
    ("sites", "folds", "said", "remedy"),
    [
        (("A", "B"), 2, "Fewer than 3 sources", r"data.hold_out=\[site:B\]"),
        (("A0", "B1"), 2, "the sources are the label", "data.fold_by=acquisition"),
        (("A0", "B0", "C1"), 2, "the sources are the label", "data.fold_by=acquisition"),
        (("A", "B", "C"), 4, "fewer sources by 'site' than folds", "fewer folds"),
        (("A", "B", "C1", "D1"), 4, "abnormal images alone: C1", "fewer folds"),
    ],
)
def test_what_cannot_be_folded_is_told_with_what_can_still_be_done(sites, folds, said, remedy):
    with pytest.raises(DataError, match=said) as caught:
        folds_of_sources(table(*sites), "site", folds, "patient_id")
    assert pd.Series([caught.value.remedy]).str.contains(remedy).all()


def test_an_absent_column_is_told_with_those_that_are_there():
    with pytest.raises(DataError, match="no column 'scanner' to fold by") as caught:
        folds_of_sources(table("A", "B", "C"), "scanner", 3, "patient_id")
    assert "site" in caught.value.expected


def test_images_without_a_source_are_one_and_counted():
    images = table("A", "B", "C")
    images.loc[:2, "site"] = None
    folds = folds_of_sources(images, "site", 3, "patient_id")
    assert set(folds.fold) == {"A", "B", "C", "unknown"}
    (told,) = [each for each in folds.notices if each.key == "source_unknown"]
    assert (told.facts["count"], told.facts["of"]) == (3, 36)


def test_years_are_sources_and_an_image_without_cluster_is_in_none():
    years = pd.DataFrame({"year": [2019, 2020, 2020, 2021], "label": [0, 1, 0, 1]})
    assert counted(years, "year").index.tolist() == ["2019", "2020", "2021"]
    assert source_names(pd.Series(["c1", ""], name="acquisition")).tolist() == ["c1", ""]


def test_one_fold_a_source_with_both_classes_and_ten_at_most():
    assert default_folds(table("A", "B", "C", "D1"), "site") == 3
    assert default_folds(table(*"ABCDEFGHIJKLMN"), "site") == 10
