import pytest
from statsmodels.stats.proportion import proportion_confint

from medcnn.errors import ConfigError
from medcnn.metrics.proportions import proportion

REFERENCE = {"wilson": "wilson", "clopper_pearson": "beta", "agresti_coull": "agresti_coull"}


@pytest.mark.parametrize("method", REFERENCE)
@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (81, 263), (1, 1)])
def test_agrees_with_statsmodels(method, successes, n):
    low, high = proportion_confint(successes, n, method=REFERENCE[method])
    expected = (max(low, 0), min(high, 1))
    assert proportion(successes, n, method).ci == pytest.approx(expected, abs=1e-12)


def test_no_cases_have_no_value():
    assert proportion(0, 0).to_json()["value"] is None


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'wilson'"):
        proportion(1, 2, "wilsn")
