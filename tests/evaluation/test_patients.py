import numpy as np
import pandas as pd
import pytest

from medcnn.errors import DataError, UserError
from medcnn.evaluation.parts import Unit
from medcnn.evaluation.patients import aggregate, at_level, unit_of, unit_results
from medcnn.predictions import check_predictions


def two_patients():
    return check_predictions(
        pd.DataFrame(
            {
                "image_id": ["a", "b", "c", "d"],
                "patient_id": ["p", "p", "q", "q"],
                "study_id": ["1", "2", "3", "3"],
                "label": [0, 1, 0, 0],
                "p_abnormal": [0.2, 0.5, 0.1, 0.3],
                "sex": ["F", "F", "M", "?"],
            }
        )
    )


@pytest.mark.parametrize(
    ("way", "expected"),
    [("mean", [0.35, 0.2]), ("max", [0.5, 0.3]), ("noisy_or", [1 - 0.8 * 0.5, 1 - 0.9 * 0.7])],
)
def test_patients_by_each_way(way, expected):
    units = aggregate(two_patients(), way, keep=["sex", "absent"])
    np.testing.assert_allclose(units["p_abnormal"], expected)
    assert units["label"].tolist() == [1, 0]
    assert units["image_id"].tolist() == ["p", "q"]
    assert units["sex"].tolist() == ["F", "mixed"]


def test_a_certain_image_makes_a_certain_patient():
    table = two_patients().assign(p_abnormal=[0.0, 1.0, 0.0, 0.0])
    assert aggregate(table, "noisy_or")["p_abnormal"].tolist() == [1.0, 0.0]


def test_many_small_probabilities_do_not_vanish():
    table = check_predictions(
        pd.DataFrame({"patient_id": ["p"] * 3, "label": 0, "p_abnormal": [1e-17] * 3})
    )
    assert aggregate(table, "noisy_or")["p_abnormal"][0] == pytest.approx(3e-17, rel=1e-6)


def test_studies_do_not_cross_splits():
    table = two_patients().assign(split=["val", "test", "test", "test"])
    units, notes = at_level(table, "patient", "max")
    assert list(zip(units["split"], units["image_id"], strict=True)) == [
        ("val", "p"),
        ("test", "p"),
        ("test", "q"),
    ]
    assert "the max of its images" in notes[0]
    same, nothing = at_level(table, "image", "max")
    assert same is table
    assert nothing == ()


def test_unit_says_how_many_images_the_cases_hold():
    units, _ = at_level(two_patients(), "patient", "mean")
    assert unit_of(units, "patient", "mean") == Unit("patient", "mean", 4)
    assert unit_of(two_patients(), "image", "mean").aggregate is None


def test_what_cannot_be_aggregated_is_refused():
    with pytest.raises(UserError, match="way to aggregate"):
        aggregate(two_patients(), "median")
    with pytest.raises(UserError, match="level"):
        at_level(two_patients(), "hospital", "max")
    with pytest.raises(DataError, match="lack the column 'study_id'"):
        at_level(two_patients().drop(columns="study_id"), "study", "max")
    with pytest.raises(DataError, match="1 images name no study_id"):
        at_level(two_patients().assign(study_id=["1", None, "3", "3"]), "study", "max")


def test_results_by_study_and_patient_at_the_threshold_of_images(several, table):
    studies, ways = (unit_results(several, f"{unit}_id", 0.5) for unit in ("study", "patient"))
    assert studies["max"].n == 240
    assert ways["max"].n == 120
    assert ways["max"].sensitivity.value >= ways["mean"].sensitivity.value
    assert ways["noisy_or"].specificity.value <= ways["max"].specificity.value
    assert unit_results(table, "patient_id", 0.5) == {}
    assert unit_results(table.drop(columns="study_id"), "study_id", 0.5) == {}
