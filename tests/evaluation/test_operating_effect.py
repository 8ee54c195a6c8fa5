import numpy as np
import pandas as pd
import pytest

from medcnn.calibration.prior_shift import Trust
from medcnn.evaluation.operating_effect import Asked, effect_of, specificity_within
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.proportions import proportion
from medcnn.notices import Notice

SURE = Trust(0.1, 0.5, ())
DOUBT = Trust(0.5, 0.001, (Notice("no_mixture", p=0.001),))


def scores(n, prevalence, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < prevalence).astype(int)
    logit = rng.normal(size=n) + np.where(label == 1, 2.0, -2.0 + shift)
    names = [f"{seed}-{row}" for row in range(n)]
    p = 1 / (1 + np.exp(-logit))
    return pd.DataFrame({"patient_id": names, "label": label, "p_abnormal": p})


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_the_true_specificity_lies_within_what_is_said(shift):
    """With the sensitivity of home and the prevalence known, at 40 simulated hospitals."""
    home, held = scores(600, 0.4), 0
    for seed in range(1, 41):
        here = scores(400, 0.3, shift, seed)
        called = proportion(float((here["p_abnormal"] >= 0.5).sum()), 400)
        found = effect_of(home, called, None, DOUBT, "shifted", Asked(0.5, (0.3, 0.3)))
        normal = here[here["label"] == 0]
        low, high = found.specificity
        held += low <= float((normal["p_abnormal"] < 0.5).mean()) <= high
        assert found.at_least <= float((normal["p_abnormal"] < 0.5).mean()) + 0.02
    assert held >= 38


def test_normals_that_score_higher_are_told_with_what_is_assumed():
    home, here = scores(600, 0.4), scores(800, 0.2, 1.8, 7)
    called = proportion(float((here["p_abnormal"] >= 0.5).sum()), 800)
    told = effect_of(home, called, None, DOUBT, "shifted", Asked(0.5, (0.2, 0.2))).sentences()
    assert told[0].key == "effect_lower"
    assert "a prevalence from 20.0% to 20.0% (given)" in told[0]
    assert told[1].key == "effect_floor"


def test_without_a_prevalence_it_is_said_that_it_cannot_be_said():
    home, called = scores(300, 0.4), proportion(150, 300)
    nothing = effect_of(home, called, Estimate(0.5, (0.4, 0.6), "em"), DOUBT, "shifted", Asked(0.5))
    assert (nothing.basis, nothing.specificity) == ("none", None)
    assert [each.key for each in nothing.sentences()] == ["effect_unknown", "effect_floor"]
    trusted = effect_of(home, called, Estimate(0.5, (0.4, 0.6), "em"), SURE, "shifted", Asked(0.5))
    assert (trusted.basis, trusted.prevalence) == ("estimated", (0.4, 0.6))
    same = effect_of(home, called, None, SURE, "same", Asked(0.5))
    assert [each.key for each in same.sentences()] == ["effect_unchanged"]


def test_a_share_that_no_specificity_makes_is_no_interval():
    few = Estimate(0.05, (0.03, 0.08), "wilson")
    sure = Estimate(0.95, (0.93, 0.97), "wilson")
    assert specificity_within(few, sure, (0.6, 0.7)) is None
    assert specificity_within(few, Estimate(None, None, "wilson"), (0.6, 0.7)) is None
