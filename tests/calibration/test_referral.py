import math

import numpy as np
import pytest

from medcnn.calibration.referral import Referral, fit_referral, parse_refer
from medcnn.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "kind", "text", "value"),
    [
        ("10%", "share", "10%", 0.1),
        ("2.5 %", "share", "2.5%", 0.025),
        (0.1, "share", "10%", 0.1),
        ("npv >= 0.99", "npv", "npv>=0.99", 0.99),
        ("Sensitivity≥0.980", "sensitivity", "sensitivity>=0.98", 0.98),
    ],
)
def test_rules_are_read_as_they_are_written(given, kind, text, value):
    rule = parse_refer(given)
    assert (rule.kind, rule.text) == (kind, text)
    assert rule.value == pytest.approx(value)


@pytest.mark.each("given", ["110%", "half", "npv>=1.2", "%", "npv>high", -0.1, True, "1.2.3%"])
def test_what_is_no_rule_is_refused(given):
    with pytest.raises(ConfigError, match="cannot be read"):
        parse_refer(given)
    with pytest.raises(ConfigError, match="did you mean 'npv'"):
        parse_refer("npw>=0.9")


LABEL = np.array([0, 0, 1, 1, 0, 1, 0, 1, 0, 1])
CALLED = np.array([0, 0, 1, 1, 0, 1, 0, 1, 1, 0])  # the two most doubtful are wrong
DOUBT = np.linspace(0.0, 0.9, 10)


@pytest.mark.parametrize(("rule", "referred"), [("20%", 2), ("0%", 0), ("100%", 10), ("14%", 1)])
def test_a_share_refers_the_most_doubtful(rule, referred):
    fitted = fit_referral(parse_refer(rule), "entropy", DOUBT, LABEL, CALLED)
    assert fitted.referred == referred
    assert fitted.refers(DOUBT).sum() == referred
    assert fitted.refers(DOUBT)[10 - referred :].all()


def test_a_target_refers_no_more_than_it_needs():
    # Without the last case no abnormal one is missed; without the last two nothing is wrong.
    npv = fit_referral(parse_refer("npv>=0.99"), "entropy", DOUBT, LABEL, CALLED)
    assert (npv.referred, npv.reached) == (1, 1.0)
    every = fit_referral(parse_refer("accuracy>=1"), "entropy", DOUBT, LABEL, CALLED)
    assert (every.referred, every.reached) == (2, 1.0)
    none = fit_referral(parse_refer("sensitivity>=0.8"), "entropy", DOUBT, LABEL, CALLED)
    assert (none.referred, none.reached) == (0, 0.8)


def test_an_unreachable_target_refers_all_and_says_so():
    fitted = fit_referral(parse_refer("accuracy>=0.5"), "entropy", DOUBT, LABEL, 1 - LABEL)
    assert fitted.referred == 10
    assert fitted.refers([0.0, math.nan]).all()
    assert "no share of referral reaches accuracy>=0.5 on validation (at most 0.000)" in fitted.note
    undefined = fit_referral(parse_refer("npv>=0.9"), "entropy", DOUBT, LABEL, np.ones(10, int))
    assert "undefined" in undefined.note


def test_ties_stay_together_and_unknown_doubt_is_referred():
    fitted = fit_referral(parse_refer("10%"), "conformal", np.repeat([0.1, 0.5], 5), LABEL, CALLED)
    assert fitted.referred in (0, 5)
    assert "not to be had" in fitted.note
    cut = Referral("10%", "entropy", 0.5, 10, 1)
    assert cut.refers([0.5, 0.6, math.nan]).tolist() == [False, True, True]
