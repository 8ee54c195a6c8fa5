import pandas as pd
import pytest

from medcnn.evaluation.columns import columns_asked, with_manifest
from medcnn.predictions import check_predictions


@pytest.fixture
def manifest():
    columns = ["image_id", "study_id", "sex", "label"]
    rows = [("007", "01", "F", 0), ("008", "02", "M", 1), ("009", "02", None, 1)]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def predictions():
    return check_predictions(
        pd.DataFrame({"image_id": ["009", "007"], "label": [1, 0], "p_abnormal": [0.9, 0.1]})
    )


def test_columns_are_joined_by_image(manifest, predictions):
    found = with_manifest(predictions, manifest, ["sex", "label", "absent"])
    assert found["study_id"].tolist() == ["02", "01"]
    assert found["sex"].isna().tolist() == [True, False]
    assert found["label"].tolist() == [1, 0]
    assert "absent" not in found


def test_what_the_predictions_say_is_kept(manifest, predictions):
    found = with_manifest(predictions.assign(sex="X", study_id="s"), manifest, ["sex"])
    assert found["sex"].tolist() == ["X", "X"]


def test_an_image_unknown_to_the_manifest_has_no_study(manifest, predictions):
    found = with_manifest(predictions.assign(image_id=["1", "007"]), manifest)
    assert found["study_id"].isna().tolist() == [True, False]


def test_groups_are_asked_for_by_default_where_there_are_any(manifest, predictions):
    table = pd.DataFrame({"view": ["PA", "AP"], "sex": ["F", "M"], "site": ["a", "a"]})
    assert columns_asked(["auto"], table) == ["sex", "view"]
    assert columns_asked(["finding", "auto", "sex"], table) == ["finding", "sex", "view"]
    assert columns_asked([], table) == []
