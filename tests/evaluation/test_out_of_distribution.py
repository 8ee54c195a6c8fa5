import pandas as pd
import pytest

from medcnn.evaluation.out_of_distribution import flagged_results

ROWS = pd.DataFrame(
    {
        "patient_id": list("abcdef"),
        "label": [0, 1, 0, 1, 1, 0],
        "p_abnormal": [0.9, 0.5, 0.1, 0.2, 0.5, 0.1],
        "out_of_distribution": [1, 1, 0, 0, 0, 0],
        "ood_reasons": [
            "looks inverted; mahalanobis 40 above 30.1",
            "mahalanobis 55 above 30.1",
            None,
            "",
            "",
            "",
        ],
    }
)


def test_flags_errors_and_reasons_are_counted():
    found, warnings = flagged_results(ROWS, 0.5, 0.01)
    assert found.flagged == 2
    assert found.share.value == pytest.approx(2 / 6)
    assert found.errors["flagged"].value == 0.5
    assert found.errors["not_flagged"].value == 0.25
    assert found.reasons == {"mahalanobis": 2, "looks inverted": 1}
    assert "2 of 6 images" in warnings[0]


def test_images_of_one_patient_count_together():
    several = ROWS.assign(patient_id=["a", "a", "b", "b", "c", "c"])
    found, _ = flagged_results(several, 0.5, 0.01)
    assert found.share.method == "wilson-clustered"
    assert found.errors["not_flagged"].method == "wilson-clustered"


def test_what_was_to_be_expected_is_no_warning_and_no_flags_no_results():
    assert flagged_results(ROWS, 0.5, 0.3)[1] == []
    assert flagged_results(ROWS.drop(columns="out_of_distribution"), 0.5, 0.01) == (None, [])
