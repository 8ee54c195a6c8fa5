import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from medcnn.errors import DataError
from medcnn.evaluation.compare import compare
from medcnn.evaluation.results import evaluate
from medcnn.files.records import to_json
from medcnn.metrics.thresholds import Threshold
from medcnn.predictions import check_predictions

AT = Threshold(0.45, "youden", "val")


def make_table(n=400, seed=0, prevalence=0.3, images_per_patient=1, **columns):
    rng = np.random.default_rng(seed)
    patient = np.arange(n) // images_per_patient
    label = (rng.random(n) < prevalence).astype(int)[patient]
    p = 1 / (1 + np.exp(-(rng.normal(size=n) + 2 * label - 1)))
    table = {"label": label, "p_abnormal": p, "patient_id": patient.astype(str), **columns}
    return check_predictions(pd.DataFrame(table))


def evaluated(*table, **options):
    """Return results as ``results.json`` has them."""
    return to_json(evaluate(*table, **options))


@pytest.mark.parametrize("n", [400, 5000])
def test_values_agree_with_scikit_learn(n):
    table = make_table(n)
    found = evaluated(table, AT)
    label, p = table["label"], table["p_abnormal"]
    called = p >= AT.value
    expected = {
        "sensitivity": sk.recall_score(label, called),
        "specificity": sk.recall_score(label, called, pos_label=0),
        "ppv": sk.precision_score(label, called),
        "npv": sk.precision_score(label, called, pos_label=0),
        "accuracy": sk.accuracy_score(label, called),
        "balanced_accuracy": sk.balanced_accuracy_score(label, called),
        "f1": sk.f1_score(label, called),
        "mcc": sk.matthews_corrcoef(label, called),
        "auroc": sk.roc_auc_score(label, p),
        "average_precision": sk.average_precision_score(label, p),
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value, abs=1e-12), name
        assert found[name]["ci"][0] < value < found[name]["ci"][1], name
    assert found["calibration"]["brier"]["value"] == pytest.approx(sk.brier_score_loss(label, p))
    assert found["calibration"]["nll"]["value"] == pytest.approx(sk.log_loss(label, p))


def test_an_absent_class_gives_null_and_a_warning_in_strict_json():
    found = evaluated(make_table(50, prevalence=0.0), AT)
    json.dumps(found, allow_nan=False)
    assert found["sensitivity"]["value"] is None
    assert found["auroc"]["value"] is None
    assert found["specificity"]["value"] is not None
    assert any("No abnormal case" in warning for warning in found["warnings"])


def test_a_split_without_rows_is_an_error():
    with pytest.raises(DataError, match="no case of the split 'val'"):
        evaluate(make_table(20), AT, split="val")


def test_a_threshold_chosen_on_the_evaluated_split_is_shouted_about():
    found = evaluated(make_table(200), Threshold(0.4, "youden", "test"))
    assert any("CHOSEN ON TEST" in warning for warning in found["warnings"])


def test_an_image_in_several_rows_is_told():
    table = make_table(200)
    again = pd.concat([table, table.head(7)], ignore_index=True)
    assert (
        "7 rows of test repeat an image_id: these images count several times."
        in (evaluated(again, AT)["warnings"])
    )
    assert not any("repeat" in text for text in evaluated(table, AT)["warnings"])


@pytest.mark.filterwarnings("error")
def test_one_patient_alone_is_evaluated_without_a_numerical_warning():
    found = evaluated(make_table(40).assign(patient_id="only"), AT)
    assert found["n_patients"] == 1
    assert found["calibration"]["ece"]["value"] is not None


@pytest.mark.parametrize("fixture", ["table", "several"])
def test_one_number_has_one_interval_wherever_it_stands(fixture, request):
    table = request.getfixturevalue(fixture).assign(all="everyone")
    found = evaluated(table, AT, subgroups=["all"])
    chosen = next(point for point in found["operating_points"] if point["chosen"])
    compared = to_json(compare(table, table, AT, AT))
    for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy", "auroc"):
        assert compared["a"][name] == compared["b"][name] == found[name], name
        assert found["subgroups"][0][name] == found[name], name
        assert name not in chosen or chosen[name] == found[name], name
    methods = {found[name]["method"] for name in ("sensitivity", "auroc")}
    if fixture == "several":
        assert methods == {"wilson-clustered", "delong-clustered"}
        by_case = found["by_case"]["sensitivity"]
        assert by_case["method"] == "wilson"
        assert by_case["value"] == found["sensitivity"]["value"]
    else:
        assert methods == {"wilson", "delong"}
        assert found["by_case"] == {}


def test_decisions_and_the_other_class_handed_in_are_told():
    table = make_table(200)
    keys = {text.key for text in evaluate(table, AT).warnings}
    assert not keys & {"all_decisions", "other_class"}
    decided = table.assign(p_abnormal=(table["p_abnormal"] > 0.5).astype(float))
    assert "all_decisions" in {text.key for text in evaluate(decided, AT).warnings}
    other = table.assign(p_abnormal=1 - table["p_abnormal"])
    assert "other_class" in {text.key for text in evaluate(other, AT).warnings}
