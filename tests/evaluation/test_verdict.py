from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medcnn.evaluation.results import Results, evaluate
from medcnn.evaluation.verdict import Background, Verdict, classes_of
from medcnn.files.records import to_json
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice
from medcnn.predictions import check_predictions

AT = Threshold(0.5, "youden", "val")
KNOWN = Background("nih", (80, 60), "pass", 0, (), 1)


def drawn(n=600, *, moved=0.0, scale=1.0, seed=0):
    """Return results on probabilities that are right but for a shift and a scale of their logits."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 1.5, n)
    label = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    p = 1 / (1 + np.exp(-(scale * logit + moved)))
    return evaluate(check_predictions(pd.DataFrame({"label": label, "p_abnormal": p})), AT)


@pytest.fixture(scope="module")
def sound():
    return drawn()


def keys(verdict):
    return {each.key for each in verdict.sentences}


def test_a_sound_test_is_good_and_says_on_whom(sound):
    found = sound.judged(KNOWN).verdict
    assert found.level == "good"
    assert found.text.startswith("Tested on 600 images of 600 patients (test)")
    assert keys(found) >= {"chance_better", "validation_enough", "calibration_holds", "looks_one"}


@pytest.mark.each(
    ("background", "key", "level"),
    [
        (replace(KNOWN, source="phantom"), "simulated", "caution"),
        (replace(KNOWN, validation=(80, 9)), "validation_small", "caution"),
        (replace(KNOWN, audit="warn", audit_findings=2), "audit_warn", "caution"),
        (replace(KNOWN, audit="stop", audit_findings=1), "audit_stop", "bad"),
        (replace(KNOWN, diagnosis=("over_fitting",)), "curves_warn", "caution"),
        (replace(KNOWN, looks=3), "looks_many", "caution"),
        (replace(KNOWN, trial=[Notice("limited", n=200, of=5216)]), "limited", "bad"),
    ],
)
def test_what_is_known_beyond_the_numbers_is_said(sound, background, key, level):
    found = sound.judged(background).verdict
    assert key in keys(found)
    assert found.level == level


@pytest.mark.parametrize(
    ("ci", "key"),
    [((0.298, 0.674), "chance_same"), ((0.02, 0.21), "chance_worse"), (None, "chance_unknown")],
)
def test_what_is_not_better_than_chance_is_bad(sound, ci, key):
    value = None if ci is None else sum(ci) / 2
    found = replace(sound, auroc=Estimate(value, ci, "delong")).judged(KNOWN).verdict
    assert (key in keys(found), found.level) == (True, "bad")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"moved": -1.5}, "intercept_high"),
        ({"moved": 1.5}, "intercept_low"),
        ({"scale": 3.0}, "slope_low"),
        ({"scale": 0.3}, "slope_high"),
    ],
)
def test_a_calibration_that_does_not_hold_is_said_with_its_direction(options, key):
    found = drawn(**options).judged(KNOWN).verdict
    assert key in keys(found)
    assert "calibration_holds" not in keys(found)
    assert found.level == "caution"


def test_few_cases_leave_the_calibration_open():
    found = drawn(40, seed=3).judged(KNOWN).verdict
    assert "calibration_open" in keys(found)
    assert found.level == "caution"


def test_a_threshold_chosen_on_these_cases_is_bad(sound):
    seen = replace(sound, threshold=Threshold(0.5, "youden", "test"))
    assert "threshold_seen" in keys(seen.judged(KNOWN).verdict)


def test_what_is_not_known_is_not_said(sound):
    assert not keys(sound.judged().verdict) & {"looks_one", "audit_pass", "validation_enough"}
    assert classes_of(None) is None
    assert classes_of(pd.DataFrame({"label": [0, 1, 1]})) == (1, 2)


def test_it_is_written_and_read_with_its_notices(sound):
    judged = sound.judged(KNOWN)
    raw = to_json(judged)
    assert raw["verdict"]["level"] == "good"
    assert raw["verdict"]["sentences"] == [str(each) for each in judged.verdict.sentences]
    again = Results.from_json(raw).verdict
    assert again == judged.verdict
    assert all(isinstance(each, Notice) for each in again.sentences)
    assert Verdict.from_json({"level": "bad", "sentences": ["x"]}).sentences == ("x",)


def test_the_curves_and_the_threshold_say_one_thing_of_validation():
    small = replace(KNOWN, diagnosis=("val_set_too_small",))
    found = keys(drawn().judged(small).verdict)
    assert "validation_small" in found
    assert not found & {"validation_enough", "curves_warn"}
    both = replace(KNOWN, diagnosis=("val_set_too_small", "over_fitting"))
    assert "curves_warn" in keys(drawn().judged(both).verdict)
