import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import Table2x2
from statsmodels.stats.proportion import proportion_confint

from medcnn.metrics import decision
from medcnn.metrics.decision import Confusion
from medcnn.metrics.proportions import proportion


@pytest.mark.parametrize(
    "c", [Confusion(90, 20, 180, 10), Confusion(5, 3, 40, 2), Confusion(431, 30, 116, 86)]
)
def test_ratios_agree_with_statsmodels(c):
    table = Table2x2([[c.tp, c.fp], [c.fn, c.tn]])
    found = decision.likelihood_ratios(c)[2]
    assert found.value == pytest.approx(table.oddsratio)
    assert found.ci == pytest.approx(table.oddsratio_confint())
    # A likelihood ratio is the risk ratio of a call between the abnormal and the normal.
    positive = Table2x2([[c.tp, c.fn], [c.fp, c.tn]])
    found = decision.likelihood_ratios(c)[0]
    assert found.value == pytest.approx(positive.riskratio)
    assert found.ci == pytest.approx(positive.riskratio_confint())
    negative = Table2x2([[c.fn, c.tp], [c.tn, c.fp]])
    found = decision.likelihood_ratios(c)[1]
    assert found.value == pytest.approx(negative.riskratio)
    assert found.ci == pytest.approx(negative.riskratio_confint())


def test_an_empty_cell_is_corrected_and_said_to_be():
    c = Confusion(73, 0, 94, 23)
    for ratio in decision.likelihood_ratios(c)[::2]:
        assert np.isfinite(ratio.ci).all()
        assert "Haldane" in ratio.note
    assert decision.likelihood_ratios(c)[0].value == pytest.approx((73.5 / 97) / (0.5 / 95))


def test_predictive_values_at_the_sample_prevalence_are_those_of_the_sample():
    c = Confusion(90, 20, 180, 10)
    ppv, npv = decision.predictive_values_at(c, 100 / 300)
    assert ppv.value == pytest.approx(90 / 110)
    assert npv.value == pytest.approx(180 / 190)


@pytest.mark.parametrize("prevalence", [0.01, 0.2, 0.7])
def test_intervals_of_predictive_values_are_the_delta_method_on_the_logit(prevalence):
    c = Confusion(80, 30, 170, 20)
    at = np.array([0.8, 0.85])

    def logits(point):
        sensitivity, specificity = point
        odds = np.log(prevalence / (1 - prevalence))
        return np.array(
            [
                np.log(sensitivity / (1 - specificity)) + odds,
                np.log(specificity / (1 - sensitivity)) - odds,
            ]
        )

    step = 1e-6
    slope = np.array([(logits(at + d) - logits(at - d)) / (2 * step) for d in np.eye(2) * step]).T
    error = np.sqrt(slope**2 @ np.array([0.8 * 0.2 / 100, 0.85 * 0.15 / 200]))
    for found, logit, half in zip(
        decision.predictive_values_at(c, prevalence), logits(at), 1.959964 * error, strict=True
    ):
        expected = 1 / (1 + np.exp(-np.array([logit, logit - half, logit + half])))
        assert [found.value, *found.ci] == pytest.approx(expected, abs=1e-6)


def test_impossible_prevalences_and_absent_classes():
    with pytest.raises(ValueError, match="prevalence must lie"):
        decision.predictive_values_at(Confusion(1, 1, 1, 1), 1.0)
    absent = Confusion(0, 2, 5, 0)
    assert decision.predictive_values_at(absent, 0.1)[0].value is None
    assert decision.likelihood_ratios(absent)[2].note == "a class is absent"
    assert decision.likelihood_ratios(absent)[1].value is None


def test_number_needed_to_read_is_one_over_ppv():
    ppv = proportion(20, 80)
    found = decision.number_needed_to_read(ppv)
    assert found.value == pytest.approx(4.0)
    assert found.ci == pytest.approx((1 / ppv.ci[1], 1 / ppv.ci[0]))
    assert found.method == "wilson-inverted"
    assert decision.number_needed_to_read(proportion(0, 3)).value is None


def test_net_benefit_follows_vickers_and_elkin(cases):
    label, p = cases
    for at in (0.05, 0.2, 0.5, 0.8):
        tp, fp = np.sum((p >= at) & (label == 1)), np.sum((p >= at) & (label == 0))
        expected = tp / len(p) - fp / len(p) * at / (1 - at)
        found = decision.net_benefit(label, p, at)
        assert found.value == pytest.approx(expected)
        gain = np.where(p >= at, np.where(label == 1, 1, -at / (1 - at)), 0)
        # A narrow interval of many cases is that of a mean.
        many = [np.tile(each, 100) for each in (label, p)]
        narrow = decision.net_benefit(*many, at, level=0.1)
        expected = stats.norm.ppf(0.55) * stats.sem(np.tile(gain, 100))
        assert narrow.width / 2 == pytest.approx(expected, rel=0.02)
        assert found.width > narrow.width
    everyone = decision.net_benefit(label, np.ones_like(p), 0.2)
    assert everyone.value == pytest.approx(label.mean() - (1 - label.mean()) * 0.25)
    # Acting on all hangs on the prevalence alone, and its interval is Wilson's of that.
    low, high = proportion_confint(label.sum(), len(label), method="wilson")
    assert everyone.ci == pytest.approx((1.25 * low - 0.25, 1.25 * high - 0.25))


def test_net_benefit_knows_of_alarms_that_did_not_happen_to_occur():
    label, p = np.repeat([1, 0], [20, 40]), np.repeat([0.95, 0.1], [20, 40])
    found = decision.net_benefit(label, p, 0.9)
    assert found.value == pytest.approx(1 / 3)
    # None of 60 is a false alarm, so that up to 6 % may be, each of which costs nine hits.
    assert found.ci[0] < 1 / 3 - 9 * 0.05
    assert found.ci[1] == pytest.approx(proportion_confint(20, 60, method="wilson")[1])
    pairs = [np.repeat(each, 2) for each in (label, p)]
    twice = decision.net_benefit(*pairs, 0.9, cluster=np.arange(120) // 2)
    assert twice.method == "mover-clustered"
    assert twice.ci == pytest.approx(found.ci, abs=0.03)  # Student's quantile
