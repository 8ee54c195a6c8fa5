from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medcnn.calibration.referral import Referral
from medcnn.evaluation.parts import Unit
from medcnn.evaluation.referral import referral_results
from medcnn.evaluation.results import evaluate
from medcnn.evaluation.uncertainty import Uncertainty
from medcnn.metrics.decision import Confusion
from medcnn.metrics.thresholds import Threshold
from medcnn.reporting.contents import Contents, read_run
from medcnn.reporting.flow import CALLS, Group, count_flow


def test_images_are_followed_from_found_to_outcome(built_run):
    contents = read_run(built_run)
    flow = count_flow(contents)
    assert flow.found is not None
    assert flow.found.cases == 302  # 300 in the manifest and 2 that could not be read
    assert flow.unreadable == 2
    assert sum(group.cases or 0 for group in flow.splits.values()) == 300
    assert flow.evaluated.cases == flow.splits["test"].cases == sum(flow.outcomes.values())
    assert flow.evaluated.prevalence == pytest.approx(contents.cases["label"].mean())
    assert flow.not_evaluated == 0


def test_what_was_left_out_as_repeated_was_found(built_run):
    contents = read_run(built_run)
    audit = {**contents.audit, "before_deduplication": {"images": 305, "patients": 290}}
    flow = count_flow(replace(contents, audit=audit))
    assert flow.repeated == 5
    assert flow.found == Group(307, 290)


def cases(names):
    return pd.DataFrame(
        {"image_id": names, "patient_id": names, "label": 1, "p_abnormal": 0.9, "split": "test"}
    )


def seen(table, unit=None, manifest=None):
    results = replace(evaluate(table, Threshold(0.5, "youden", "val")), unit=unit)
    return Contents("x", results, table, manifest=manifest)


def manifest():
    return pd.DataFrame(
        {
            "image_id": ["a", "b", "c", "d"],
            "patient_id": ["p", "p", "q", "r"],
            "label": [1, 0, 1, 0],
            "split": ["test", "test", "test", "train"],
        }
    )


def test_images_without_a_prediction_are_counted():
    found = count_flow(seen(cases(["a", "c"]), manifest=manifest()))
    assert found.not_evaluated == 1


def test_a_split_without_cases_is_no_stage():
    found = count_flow(seen(cases(["a"]), manifest=manifest()))
    assert list(found.splits) == ["train", "test"]


def test_patients_are_looked_up_as_patients():
    found = count_flow(seen(cases(["p"]), Unit("patient", "max", 2), manifest()))
    assert found.not_evaluated == 1  # the image of q
    assert found.evaluated.unit == "patient"


def test_bare_predictions_start_at_the_evaluation():
    found = count_flow(seen(cases(["a"])))
    assert (found.found, found.not_evaluated, found.referred) == (None, None, {})
    assert list(found.splits) == ["test"]


def referring(outcomes, kept):
    whole = seen(cases(["a"]))
    referral = Referral("10%", "entropy", 0.5, 10, 1)
    found, _ = referral_results(cases(["a", "b"]), referral, np.array([0.2, 0.9]), 0.5)
    confusion = None if kept is None else Confusion(**kept)
    automatic = replace(found.automatic, confusion=confusion)
    uncertainty = Uncertainty(referral=replace(found, automatic=automatic))
    results = replace(whole.results, confusion=Confusion(**outcomes), uncertainty=uncertainty)
    return count_flow(replace(whole, results=results))


def test_referred_cases_are_counted_once():
    """190 cases of which 9 are referred: 75 and 115 called, 5 and 4 of them to a radiologist."""
    kept = {"tp": 70, "fp": 0, "tn": 91, "fn": 20}
    flow = referring({"tp": 74, "fp": 1, "tn": 93, "fn": 22}, kept)
    assert [flow.called(name) for name in CALLS] == [75, 115]
    assert [flow.called_but_referred(name) for name in CALLS] == [5, 4]
    assert sum(flow.outcomes.values()) == 190 == 181 + sum(flow.referred.values())


def test_where_all_are_referred_none_is_decided_automatically():
    outcomes = {"tp": 3, "fp": 1, "tn": 2, "fn": 0}
    assert referring(outcomes, None).referred == outcomes
