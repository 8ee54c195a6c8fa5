import numpy as np
import pytest

from medcnn.metrics.decision import Confusion, predictive_values_at
from medcnn.metrics.decision import net_benefit as measured
from medcnn.reporting.figures.decisions import decision_curve, net_benefit, predictive_values
from medcnn.reporting.wording import Wording

EN = Wording("en")


def test_the_curve_is_the_net_benefit_of_the_results():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 300)
    score = np.round(rng.random(300), 2)
    at = np.array([0.1, 0.25, 0.5, 0.9])
    expected = [measured(label, score, float(t)).value for t in at]
    np.testing.assert_allclose(net_benefit(label, score, at), expected, atol=1e-12)


def test_reading_all_and_none_are_drawn_beside_it():
    label, score = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.6, 0.4])
    figure = decision_curve(label, score, 0.5, EN)
    found = {line.get_label(): line.get_data() for line in figure.axes[0].get_lines()}
    x, y = found["all called abnormal"]
    everyone = measured(label, np.ones(4), float(x[0]))
    assert y[0] == pytest.approx(everyone.value)
    assert set(found) >= {"model", "none called abnormal", "threshold"}


def test_predictive_values_are_those_of_bayes():
    counts = Confusion(70, 16, 96, 7)
    figure = predictive_values(counts, 0.4, 0.95, EN)
    found = {line.get_label(): line.get_data() for line in figure.axes[0].get_lines()}
    x, y = found["Positive predictive value"]
    middle = int(np.argmin(np.abs(x - 0.2)))
    assert y[middle] == pytest.approx(predictive_values_at(counts, float(x[middle]))[0].value)


def test_a_class_that_is_absent_leaves_the_figure_empty():
    figure = predictive_values(Confusion(0, 2, 8, 0), 0.1, 0.95, EN)
    labels = [line.get_label() for line in figure.axes[0].get_lines()]
    assert labels == ["prevalence here"]
