import json

import pytest

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.settings import Safeguards
from medcnn.errors import DataError
from medcnn.evaluation.results import DiagnosisRow, Results, evaluate, read_results
from medcnn.evaluation.safeguards import safeguard, with_safeguards
from medcnn.files.records import from_json, to_json
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.thresholds import choose_threshold


@pytest.fixture
def results(several):
    """Results with every safeguard, images of a patient together."""
    val, rows = (several[several["split"] == split] for split in ("val", "test"))
    at = choose_threshold(val["label"].to_numpy(), val["p_abnormal"].to_numpy(), "sensitivity>=0.9")
    done = safeguard(val, rows, at, Safeguards(alpha=0.1, refer="npv>=0.9", prior_shift="em"))
    return with_safeguards(evaluate(done.table, at, subgroups=["sex"]), done, subgroups=["sex"])


def test_what_was_written_is_what_is_read(results, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(to_json(results), allow_nan=False))
    assert read_results(path) == results
    assert to_json(read_results(path)) == json.loads(path.read_text())


def test_what_holds_nothing_is_written_as_its_field_says(table):
    found = to_json(evaluate(table, choose_threshold([0, 1], [0.2, 0.8], "youden")))
    assert "conformal" not in found and "readers" not in found and "referral" not in found
    assert found["by_case"] == {} and found["out_of_distribution"] == {}
    assert found["calibration"]["temperature"] is None
    row = DiagnosisRow(finding="a", meaning="b", evidence="c", try_next="d")
    assert to_json(row)["try"] == "d"
    assert from_json(DiagnosisRow, to_json(row), "x") == row


def test_types_with_a_form_of_their_own_keep_it():
    calibrator = Calibrator("platt", (1.5, -0.2))
    assert from_json(Calibrator, to_json(calibrator), "x") == calibrator
    ratio = Estimate(2.0, (0.5, float("inf")), "log")
    assert to_json(ratio)["ci"] == [0.5, None]
    assert from_json(Estimate, to_json(ratio), "x") == ratio


def test_a_key_of_a_later_version_is_left_out(results):
    assert from_json(Results, {**to_json(results), "new_site": {}}, "x") == results


@pytest.mark.each(
    ("key", "value", "complaint"),
    [
        ("auroc", 0.9, r"results\.json: auroc cannot be read"),
        ("auroc", {"value": "high", "ci": None, "method": ""}, "auroc: value cannot be read"),
        ("n", "many", "n cannot be read"),
        ("n", True, "n cannot be read"),
        ("subgroups", {}, "subgroups cannot be read"),
        ("subgroups", [{"column": "sex"}], "subgroups 0 lacks 'group'"),
        ("auroc", {"value": 0.9, "ci": [0.1], "method": ""}, "ci cannot be read"),
        ("threshold", {}, "threshold lacks 'value'"),
    ],
)
def test_what_cannot_be_read_is_named(results, key, value, complaint):
    with pytest.raises(DataError, match=complaint):
        from_json(Results, {**to_json(results), key: value}, "results.json")


def test_what_is_missing_is_named(results):
    facts = to_json(results)
    del facts["auroc"]
    with pytest.raises(DataError, match=r"results\.json lacks 'auroc'"):
        from_json(Results, facts, "results.json")
