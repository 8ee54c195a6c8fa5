import json

import pytest

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.combination import Combination
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.passes import Passes
from medcnn.errors import DataError
from medcnn.metrics.thresholds import Threshold

ALONE = Judgement.of_one(Calibrator("temperature", (1.5,)), Threshold(0.4, "youden"))
VIEWS = Judgement(
    Passes(tta="flips", merge="max", seed=3),
    Combination(),
    (None,),
    Calibrator("platt", (1.1, 0.2)),
    Threshold(0.3, "f1", "val", "abc"),
    ("a note",),
    ALONE,
)


def test_it_comes_back_with_what_the_model_says_alone(tmp_path):
    VIEWS.save(tmp_path / "judgement.json")
    assert Judgement.load(tmp_path / "judgement.json") == VIEWS


def test_the_record_of_an_earlier_version_is_read():
    facts = VIEWS.to_json()
    facts["ways"] = facts.pop("passes")
    facts["threshold"] = {"value": 0.3, "rule": "f1", "chosen_on": "val", "predictions": "abc"}
    del facts["alone"]
    found = Judgement.from_json(facts)
    assert found.passes == VIEWS.passes
    assert found.threshold == VIEWS.threshold
    assert found.alone is None


@pytest.mark.each(
    ("change", "message"),
    [
        ({"threshold": VIEWS.threshold.to_json() | {"value": 0.5}}, "changed after it was frozen"),
        ({"threshold": {"value": 7, "rule": "f1", "chosen_on": "val"}}, "a threshold of 7"),
        ({"threshold": {"value": 0.5}}, "threshold lacks 'rule'"),
        ({"calibrator": {"name": "platt", "parameters": [1.0]}}, "parameters of the calibrator"),
        ({"combination": {"vote": "soft"}}, "combination lacks 'weights'"),
        ({"passes": {"mc_samples": -1}}, "mc_samples cannot be -1"),
        ({"alone": {"threshold": {}}}, "alone lacks 'passes'"),
    ],
)
def test_a_record_that_was_changed_is_refused_by_its_name(change, message, tmp_path):
    path = tmp_path / "judgement.json"
    path.write_text(json.dumps(VIEWS.to_json() | change))
    with pytest.raises(DataError, match=rf"judgement\.json cannot be read(.|\n)*{message}"):
        Judgement.load(path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null"])
def test_a_file_that_is_no_record_is_refused(text, tmp_path):
    (tmp_path / "judgement.json").write_text(text)
    with pytest.raises(DataError, match=r"cannot be read|not a readable JSON file"):
        Judgement.load(tmp_path / "judgement.json")
