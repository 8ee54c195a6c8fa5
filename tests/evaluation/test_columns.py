import pandas as pd
import pytest

from medcnn.evaluation.columns import with_manifest
from medcnn.predictions import check_predictions
from medcnn.run.directory import RunDir


@pytest.fixture
def run(tmp_path):
    (tmp_path / "manifest.csv").write_text(
        "image_id,study_id,sex,label\n007,01,F,0\n008,02,M,1\n009,02,,1\n"
    )
    return RunDir(tmp_path)


@pytest.fixture
def predictions():
    return check_predictions(
        pd.DataFrame({"image_id": ["009", "007"], "label": [1, 0], "p_abnormal": [0.9, 0.1]})
    )


def test_columns_are_joined_by_image_and_identifiers_stay_text(run, predictions):
    found = with_manifest(predictions, run, ["sex", "label", "absent"])
    assert found["study_id"].tolist() == ["02", "01"]
    assert found["sex"].isna().tolist() == [True, False]
    assert found["label"].tolist() == [1, 0]
    assert "absent" not in found


def test_what_the_predictions_say_is_kept(run, predictions):
    found = with_manifest(predictions.assign(sex="X", study_id="s"), run, ["sex"])
    assert found["sex"].tolist() == ["X", "X"]


def test_an_image_unknown_to_the_manifest_has_no_study(run, predictions):
    found = with_manifest(predictions.assign(image_id=["1", "007"]), run)
    assert found["study_id"].isna().tolist() == [True, False]


@pytest.mark.parametrize("text", ["image_id,study_id\n1,a\n1,b\n", "path\nx.png\n", None])
def test_a_manifest_of_no_use_adds_nothing(tmp_path, predictions, text):
    if text is not None:
        (tmp_path / "manifest.csv").write_text(text)
    assert with_manifest(predictions, RunDir(tmp_path)) is predictions
