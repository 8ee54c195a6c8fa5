import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import confusion_matrix
from statsmodels.stats.proportion import proportion_confint

from medcnn.calibration.referral import Referral
from medcnn.errors import ConfigError
from medcnn.evaluation.referral import (
    OnValidation,
    doubt,
    fit_on_validation,
    referral_results,
)
from medcnn.files.records import to_json
from medcnn.metrics.decision import Confusion
from medcnn.metrics.uncertainty import aurc


def table(n, seed, spread=1.5):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.5).astype(int)
    p = expit(rng.normal(np.where(label == 1, 1.5, -1.5), spread))
    names = [str(k) for k in range(n)]
    return pd.DataFrame({"image_id": names, "patient_id": names, "label": label, "p_abnormal": p})


VAL, ROWS = table(600, 0), table(900, 1)


def refer(rule, by="entropy", rows=ROWS):
    fitted = fit_on_validation(VAL, rule, by, 0.5, doubt(VAL, by, 0.5))
    return fitted, *referral_results(rows, fitted, doubt(rows, by, 0.5), 0.5)


def test_what_remains_is_measured_on_what_remains():
    fitted, found, _ = refer("10%")
    kept = ~fitted.refers(doubt(ROWS, "entropy", 0.5))
    label, called = ROWS["label"][kept], ROWS["p_abnormal"][kept] >= 0.5
    tn, fp, fn, tp = confusion_matrix(label, called).ravel()
    automatic = found.automatic
    assert automatic.confusion == Confusion(tp, fp, tn, fn)
    assert automatic.sensitivity.value == pytest.approx(tp / (tp + fn))
    assert automatic.specificity.ci is not None
    assert found.referred == (~kept).sum() == len(ROWS) - automatic.n
    assert found.val == OnValidation(600, 60, None)
    assert found.share.value == pytest.approx(0.1, abs=0.03)
    wrong = (ROWS["p_abnormal"] >= 0.5) != (ROWS["label"] == 1)
    assert found.errors_caught.value == pytest.approx(wrong[~kept].sum() / wrong.sum())
    json.dumps(to_json(found), allow_nan=False)


def test_a_target_is_fitted_on_validation_and_judged_here():
    _, found, warnings = refer("npv>=0.99")
    assert found.val.reached >= 0.99
    assert 0 < found.referred < len(ROWS)
    assert found.target.metric == "npv"
    assert found.target.reached.value > 0.96
    worse = table(900, 2, spread=4.0)
    _, found, warnings = refer("npv>=0.99", rows=worse)
    assert found.target.met is False
    assert "held on validation" in warnings[0]


def test_the_curve_and_its_area_are_those_of_metrics():
    _, found, _ = refer("10%")
    wrong = ((ROWS["p_abnormal"] >= 0.5) != (ROWS["label"] == 1)).to_numpy(float)
    area = aurc(wrong, doubt(ROWS, "entropy", 0.5))
    assert found.aurc == area
    assert area.oracle.value < area.value.value < area.random.value
    curve = found.risk_coverage
    assert len(curve) == 101
    assert curve[-1].coverage == 1.0
    assert curve[-1].risk.value == pytest.approx(wrong.mean())
    assert curve[50].risk.ci == pytest.approx(
        proportion_confint(curve[50].risk.value * 450, 450, method="wilson"), abs=2e-3
    )


def test_doubt_worked_by_hand():
    rows = pd.DataFrame({"p_abnormal": [0.5, 0.9, 0.2], "ood_score": [1.0, np.nan, 3.0]})
    np.testing.assert_allclose(doubt(rows, "entropy", 0.2)[0], np.log(2))
    np.testing.assert_allclose(
        doubt(rows, "margin", 0.2), [-np.log(4), -np.log(36), 0.0], atol=1e-12
    )
    np.testing.assert_allclose(doubt(rows, "conformal", 0.2, np.array([[0.2, 0.7]])), [0.2])
    np.testing.assert_array_equal(doubt(rows, "distance", 0.2), [1.0, np.nan, 3.0])


def test_unknown_doubt_is_referred_and_all_referred_leaves_nothing_to_measure():
    rows = ROWS.assign(ood_score=np.r_[np.nan, np.zeros(899)])
    found, _ = referral_results(
        rows, Referral("10%", "distance", 1.0, 10, 1), doubt(rows, "distance", 0.5), 0.5
    )
    assert found.referred == 1
    every = Referral("npv>=0.99", "entropy", None, 10, 10, None, "no share reaches it")
    found, warnings = referral_results(rows, every, doubt(rows, "entropy", 0.5), 0.5)
    assert to_json(found.automatic) == {"n": 0}
    assert found.target.met is None
    assert warnings == ["Referral: no share reaches it."]


def test_a_measure_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="needs predictions with mutual_information"):
        doubt(ROWS, "mutual_information", 0.5)
    with pytest.raises(ConfigError, match="measure of doubt"):
        doubt(ROWS, "entropi", 0.5)


def test_a_case_on_the_threshold_is_called_abnormal():
    names = list("abcd")
    rows = pd.DataFrame(
        {"image_id": names, "patient_id": names, "label": [1, 1, 0, 0], "p_abnormal": 0.5}
    ).assign(p_abnormal=[0.5, 0.9, 0.1, 0.2])
    fitted = fit_on_validation(rows, "npv>=0.9", "entropy", 0.5, doubt(rows, "entropy", 0.5))
    assert fitted.referred == 0
    found, _ = referral_results(rows, fitted, doubt(rows, "entropy", 0.5), 0.5)
    assert found.errors == 0
