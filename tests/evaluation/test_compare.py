import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from medcnn.errors import DataError
from medcnn.evaluation.compare import compare, correct_together, matched
from medcnn.files.records import to_json
from medcnn.metrics.auroc import paired_delong
from medcnn.metrics.thresholds import Threshold


def compared(*tables, **options):
    """Return a comparison as ``comparison.json`` has it."""
    return to_json(compare(*tables, **options))


A, B = Threshold(0.45, "youden", "val"), Threshold(0.55, "youden", "val")


def test_differences_and_tests_are_those_of_the_libraries(table, second):
    found = compared(table, second, A, B)
    rows, others = (each[each["split"] == "test"] for each in (table, second))
    label = rows["label"].to_numpy()
    called = [rows["p_abnormal"] >= A.value, others["p_abnormal"] >= B.value]
    right = [(np.asarray(each) == (label == 1))[label == 1] for each in called]
    cells = [[np.sum(right[0] & right[1]), np.sum(right[0] & ~right[1])]]
    cells += [[np.sum(~right[0] & right[1]), np.sum(~right[0] & ~right[1])]]
    exact = mcnemar(np.array(cells), exact=True).pvalue
    assert found["mcnemar"]["sensitivity"]["exact"] == pytest.approx(exact)
    assert found["differences"]["sensitivity"]["value"] == pytest.approx(
        right[0].mean() - right[1].mean()
    )
    areas = [roc_auc_score(label, each["p_abnormal"]) for each in (rows, others)]
    assert found["differences"]["auroc"]["value"] == pytest.approx(areas[0] - areas[1])
    f1 = [f1_score(label, each) for each in called]
    assert found["bootstrap"]["f1"]["value"] == pytest.approx(f1[0] - f1[1])
    names = list(found["p_values"])
    corrected = multipletests([found["p_values"][name] for name in names], method="holm")[1]
    np.testing.assert_allclose([found["holm"][name] for name in names], corrected)
    json.dumps(found, allow_nan=False)


def test_order_of_rows_does_not_matter_and_swapping_reverses(table, second):
    found = compared(table, second, A, B)
    shuffled = second.sample(frac=1, random_state=0)
    assert compared(table, shuffled, A, B)["differences"] == found["differences"]
    back = compared(second, table, B, A)["differences"]
    for name, difference in found["differences"].items():
        assert back[name]["value"] == pytest.approx(-difference["value"])
        assert back[name]["ci"] == pytest.approx([-end for end in difference["ci"][::-1]])


def test_images_of_a_patient_are_kept_together_in_every_test(several, second_several):
    found = compared(several, second_several, A, B)
    rows, others = (each[each["split"] == "test"] for each in (several, second_several))
    cluster = np.arange(len(rows)) // 4
    expected = paired_delong(
        rows["label"].to_numpy(),
        rows["p_abnormal"].to_numpy(),
        others["p_abnormal"].to_numpy(),
        cluster=cluster,
    )
    assert found["clustered"] is True
    assert found["delong"]["p_value"] == pytest.approx(expected.p_value)
    assert found["mcnemar"]["accuracy"]["p_value"] == found["mcnemar"]["accuracy"]["clustered"]
    assert found["a"]["sensitivity"]["method"] == "wilson-clustered"
    assert found["agreement"]["method"].endswith("clustered")
    apart = compared(several, second_several, A, B, clusters=False)
    assert apart["delong"]["p_value"] != found["delong"]["p_value"]


def test_a_model_against_itself_is_no_different(table):
    found = compared(table, table, A, A, margin=0.02)
    assert found["differences"]["auroc"]["value"] == 0
    assert found["agreement"]["value"] == 1
    assert all(p == 1 for p in found["holm"].values())
    assert found["non_inferiority"]["sensitivity"] is False  # too few cases to tell 0.02 apart
    assert found["non_inferiority"]["auroc"] is None


def test_non_inferiority_follows_the_lower_end(table, second):
    found = compared(table, second, A, B, margin=0.2)
    for name in ("sensitivity", "specificity", "auroc"):
        low = found["differences"][name]["ci"][0]
        assert found["non_inferiority"][name] is bool(low > -0.2)


def test_decisions_have_no_auroc(table):
    decided = table.assign(p_abnormal=(table["p_abnormal"] > 0.5).astype(float))
    found = compared(table, decided, A, Threshold(0.5, "fixed", "none"))
    assert "auroc" not in found["differences"] and "delong" not in found
    assert set(found["bootstrap"]) == {"balanced_accuracy", "f1", "mcc"}
    assert any("decisions, not probabilities" in text for text in found["warnings"])


def test_readers_stand_beside_the_first(table, second, readers):
    found = compared(table, second, A, B, readers=readers)
    assert [entry["name"] for entry in found["readers"]] == ["Ada", "Ben"]
    assert found["readers"][1]["n"] < found["readers"][0]["n"]


def test_several_comparisons_are_corrected_together(table, second, several):
    separate = [compare(table, second, A, B), compare(table, table, A, B)]
    found = to_json(correct_together(separate))
    raw = [p for each in found for p in each["p_values"].values()]
    corrected = [p for each in found for p in each["holm"].values()]
    np.testing.assert_allclose(corrected, multipletests(raw, method="holm")[1])
    assert found[0]["holm"]["auroc"] >= separate[0].holm["auroc"]
    assert found[0]["compared_with"] == 2


def test_different_cases_labels_and_repetitions_are_refused(table, second):
    with pytest.raises(DataError, match="1 only in the first, 0 only in the second"):
        matched(table, second.iloc[1:])
    with pytest.raises(DataError, match="disagree on the label of 1 cases"):
        matched(table, second.assign(label=[1 - second["label"][0], *second["label"][1:]]))
    with pytest.raises(DataError, match="second predictions name a case twice"):
        matched(table, second.assign(image_id=["i0001", *second["image_id"][1:]]))


def test_a_threshold_chosen_on_the_cases_compared_is_said(table, second):
    found = compared(table, second, Threshold(0.4, "youden", "test"), B)
    assert any("chosen on test" in text for text in found["warnings"])


def test_a_case_on_the_threshold_is_called_abnormal(table, second):
    first, other = (each.assign(p_abnormal=each["p_abnormal"].round(1)) for each in (table, second))
    found = compared(first, other, Threshold(0.5, "youden", "val"), Threshold(0.4, "youden", "val"))
    for name in ("sensitivity", "specificity", "accuracy"):
        gap = found["a"][name]["value"] - found["b"][name]["value"]
        assert found["differences"][name]["value"] == pytest.approx(gap), name
