import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from medcnn.commands.plan import run
from medcnn.errors import ConfigError
from medcnn.settings.composition import compose


def plan(*overrides):
    return run(compose("plan", list(overrides)))


def test_the_width_is_kept_and_one_case_fewer_would_not_keep_it(capsys):
    found = plan("sensitivity=0.95", "width=0.05", "prevalence=0.2")
    low, high = proportion_confint(0.95 * found["positives"], found["positives"], method="wilson")
    assert high - low <= 0.05 + 1e-9
    assert found["total"] * 0.2 >= found["positives"]
    assert "positives" in capsys.readouterr().out


def test_the_power_is_reached_exactly():
    found = plan("specificity=0.9", "null=0.8", "power=0.9")
    n = found["negatives"]
    critical = stats.binom.isf(0.025, n, 0.8) + 1
    assert stats.binom.sf(critical - 1, n, 0.9) >= 0.9


def test_nothing_expected_is_refused():
    with pytest.raises(ConfigError, match="what is expected"):
        plan("width=0.1")


def test_what_is_not_asked_for_is_not_printed(capsys):
    plan("sensitivity=0.95", "width=0.05", "prevalence=0.2")
    shown = capsys.readouterr().out
    assert "negatives" not in shown and "[" not in shown
    assert "304 positives for a Wilson interval" in shown
