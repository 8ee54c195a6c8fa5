"""Calibrators, votes and their combination in the graph against those in numpy."""

import numpy as np
import pytest
import torch

from medcnn.calibration.answers import combine
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.combination import Combination
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.passes import Passes
from medcnn.exporting.answer import Calibrated, Combined, interpolated
from medcnn.metrics.thresholds import Threshold

CALIBRATORS = [
    Calibrator(),
    Calibrator("temperature", (1.7,)),
    Calibrator("platt", (0.8, -0.4)),
    Calibrator("beta", (0.9, 1.2, -0.3)),
    Calibrator("isotonic", (-2.0, -0.5, 0.5, 3.0, 0.02, 0.02, 0.4, 0.97)),
    Calibrator("isotonic", (0.1, 0.4)),
    Calibrator("histogram", (-1.0, 1.0, 0.1, 0.4, 0.9)),
]
VOTES = [
    Combination("soft"),
    Combination("logit"),
    Combination("hard", thresholds=(0.4, 0.5, 0.6)),
    Combination("rank", ranks=((0.1, 0.3, 0.3, 0.9), (0.2, 0.4), (0.5,))),
    Combination("weighted", weights=(0.5, 0.2, 0.3)),
    Combination("greedy", weights=(0.5, 0.5, 0.0)),
    Combination("stacked", weights=(0.7, 0.1, 0.4), intercept=-0.2),
]
# Ends, knots and edges included: there the searches of numpy decide for one side.
LOGITS = np.r_[
    np.random.default_rng(0).normal(0, 3, 40), -2.0, -1.0, 0.0, 0.5, 1.0, 3.0, 60, -60, 2e4
]


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=lambda each: each.name)
def test_a_calibrator_says_the_same(calibrator):
    found = Calibrated(calibrator)(torch.tensor(LOGITS)).numpy()
    np.testing.assert_allclose(found, calibrator.probability(LOGITS), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("vote", VOTES, ids=lambda each: each.vote)
def test_an_ensemble_answers_as_predict_does(vote):
    own = CALIBRATORS[:3]
    whole = Calibrator("platt", (1.3, 0.2))
    judgement = Judgement(
        Passes(vote.vote), vote, (Combination(),) * 3, whole, Threshold(0.5, "youden")
    )
    logit_MN = np.random.default_rng(1).normal(0, 4, (3, 50))
    expected = combine(logit_MN[:, None, None], own, judgement)
    logit, p, members = Combined(own, judgement)(torch.tensor(logit_MN.T))
    np.testing.assert_allclose(logit, expected["logit"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(p, expected["p_abnormal"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(members[:, 1], expected["member_1"], rtol=0, atol=1e-15)


def test_interpolation_is_numpys():
    knots, values = np.array([-1.0, 0.0, 0.5, 4.0]), np.array([0.0, 0.2, 0.2, 1.0])
    x = np.r_[np.linspace(-2, 5, 60), knots].reshape(8, 8)
    found = interpolated(torch.tensor(x), torch.tensor(knots), torch.tensor(values))
    np.testing.assert_allclose(found, np.interp(x, knots, values), rtol=0, atol=1e-15)
