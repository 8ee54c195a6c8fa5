import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from medcnn.errors import ConfigError
from medcnn.metrics.proportions import (
    cluster_quantile,
    clustered_proportion,
    effective_size,
    normal_quantile,
    proportion,
)

REFERENCE = {"wilson": "wilson", "clopper_pearson": "beta", "agresti_coull": "agresti_coull"}


@pytest.mark.each(("successes", "n"), [(0, 10), (3, 10), (10, 10), (81, 263), (1, 1)])
@pytest.mark.parametrize("method", REFERENCE)
def test_agrees_with_statsmodels(method, successes, n):
    for level in (0.8, 0.95, 0.99):
        low, high = proportion_confint(successes, n, alpha=1 - level, method=REFERENCE[method])
        expected = (max(low, 0), min(high, 1))
        assert proportion(successes, n, method, level).ci == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("successes", "n", "wilson", "exact"),
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, methods 3 and 5.
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_prints_what_newcombe_prints(successes, n, wilson, exact):
    assert proportion(successes, n).ci == pytest.approx(wilson, abs=6e-5)
    assert proportion(successes, n, "clopper_pearson").ci == pytest.approx(exact, abs=6e-5)


def test_bounds_of_nothing_and_of_all_are_exactly_0_and_1():
    assert proportion(0, 7).ci[0] == 0.0
    assert proportion(7, 7).ci[1] == 1.0


def test_no_cases_have_no_value():
    assert proportion(0, 0).to_json()["value"] is None
    assert clustered_proportion(np.array([]), np.array([], int)).value is None


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'wilson'"):
        proportion(1, 2, "wilsn")


def test_impossible_counts_and_levels_are_refused():
    with pytest.raises(ValueError, match="found 3 of 2"):
        proportion(3, 2)
    with pytest.raises(ValueError, match="found 1"):
        normal_quantile(1.0)


def test_design_effect_is_that_of_a_cluster_robust_regression():
    rng = np.random.default_rng(5)
    cluster = np.repeat(np.arange(60), rng.integers(1, 6, 60))
    hit = (rng.random(len(cluster)) < rng.beta(2, 1, 60)[cluster]).astype(float)
    fitted = sm.OLS(hit, np.ones(len(hit))).fit()
    options = {"groups": cluster, "use_correction": False}
    robust = fitted.get_robustcov_results("cluster", **options)
    variance = float(robust.cov_params()[0, 0]) * 60 / 59
    p = hit.mean()
    assert effective_size(hit, cluster) == pytest.approx(p * (1 - p) / variance, rel=1e-9)


def test_each_case_its_own_cluster_is_nearly_the_plain_interval():
    hit = np.array([1.0] * 70 + [0.0] * 30)
    plain, clustered = proportion(70, 100), clustered_proportion(hit, np.arange(100))
    assert clustered.ci == pytest.approx(plain.ci, abs=2e-3)
    assert clustered.width / plain.width == pytest.approx(stats.t.ppf(0.975, 99) / 1.96, rel=1e-2)


def test_copies_of_a_case_are_worth_one_case():
    hit, cluster = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0], 20), np.repeat(np.arange(5), 20)
    assert effective_size(hit, cluster) == pytest.approx(5 * 4 / 5)
    assert effective_size(np.ones(40), np.repeat([0, 1], 20)) == 2


def test_patients_that_are_unlike_themselves_are_worth_no_more_than_their_images():
    # One hit and one miss each: the clusters do not vary at all, nor would independent cases less.
    assert effective_size(np.tile([1.0, 0.0], 20), np.repeat(np.arange(20), 2)) == 40
    mixed = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    assert effective_size(mixed, np.repeat(np.arange(4), 2)) == pytest.approx(8 / (4 / 3))


def test_the_quantile_is_students_for_the_clusters_less_one():
    assert cluster_quantile(np.repeat(np.arange(5), 3), 0.9) == pytest.approx(stats.t.ppf(0.95, 4))
    assert cluster_quantile(np.zeros(4, int), 0.95) == pytest.approx(stats.t.ppf(0.975, 1))
