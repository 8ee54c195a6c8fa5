import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint, samplesize_confint_proportion

from medcnn.errors import ConfigError
from medcnn.metrics.sample_size import for_auroc_width, for_power, for_width, plan


@pytest.mark.parametrize(("expected", "width"), [(0.95, 0.05), (0.9, 0.1), (0.8, 0.2), (0.5, 0.1)])
def test_width_is_reached_and_by_no_smaller_study(expected, width):
    n = for_width(expected, width)

    def wilson(cases):
        low, high = proportion_confint(expected * cases, cases, method="wilson")
        return high - low

    assert wilson(n) <= width < wilson(n - 1)


@pytest.mark.parametrize(("expected", "width"), [(0.9, 0.1), (0.85, 0.08), (0.5, 0.1)])
def test_close_to_the_wald_formula_of_buderer(expected, width):
    # Buderer, Acad Emerg Med 3 (1996) 895-900: n = z² Se (1 - Se) / W², W half the width.
    wald = samplesize_confint_proportion(expected, width / 2)
    assert wald == pytest.approx(1.959964**2 * expected * (1 - expected) / (width / 2) ** 2)
    assert for_width(expected, width) == pytest.approx(wald, abs=4)


def test_buderers_total_at_the_prevalence():
    # His first example: sensitivity 0.90 and specificity 0.85 to within 0.10, prevalence 0.20. His
    # Wald formula gives 35 diseased, so 173 in all, and 49 well, so 62 in all; the larger counts.
    wald = {"sensitivity": 1.96**2 * 0.9 * 0.1 / 0.01, "specificity": 1.96**2 * 0.85 * 0.15 / 0.01}
    assert [int(np.ceil(n)) for n in wald.values()] == [35, 49]
    found = plan(sensitivity=0.90, specificity=0.85, width=0.20, prevalence=0.20)
    assert found.positives == pytest.approx(35, abs=4)
    assert found.negatives == pytest.approx(49, abs=4)
    assert found.total == max(np.ceil(found.positives / 0.2), np.ceil(found.negatives / 0.8))


@pytest.mark.parametrize(
    ("expected", "null", "power"), [(0.9, 0.8, 0.8), (0.95, 0.9, 0.9), (0.8, 0.5, 0.8)]
)
def test_exact_power_is_reached_from_there_on(expected, null, power):
    n = for_power(expected, null, power)

    def exact_power(cases):
        at_least = np.arange(cases + 1)
        tail = stats.binom.sf(at_least - 1, cases, null)
        critical = at_least[tail <= 0.025]
        return stats.binom.sf(critical[0] - 1, cases, expected) if len(critical) else 0.0

    assert all(exact_power(cases) >= power for cases in range(n, n + 60))
    assert exact_power(n - 1) < power


def test_power_is_near_the_normal_formula_of_obuchowski():
    # Obuchowski, Stat Methods Med Res 7 (1998) 371-392: two standard errors, under null and truth.
    for expected, null in ((0.9, 0.8), (0.85, 0.75)):
        reach = 1.959964 * np.sqrt(null * (1 - null)) + 0.841621 * np.sqrt(
            expected * (1 - expected)
        )
        assert for_power(expected, null) == pytest.approx((reach / (expected - null)) ** 2, rel=0.2)


def test_auroc_follows_hanley_and_mcneil():
    # Hanley and McNeil, Radiology 143 (1982) 29-36: area 0.893 with 51 abnormal and 58 normal
    # images has a standard error of 0.032.
    width = 2 * 1.959964 * 0.0325
    positives, negatives = for_auroc_width(0.893, width, prevalence=51 / 109)
    assert positives + negatives == pytest.approx(109, abs=5)
    assert positives / (positives + negatives) == pytest.approx(51 / 109, abs=0.01)


def test_auroc_interval_of_simulated_studies_is_as_wide_as_planned():
    from medcnn.metrics.auroc import auroc

    m, n = for_auroc_width(0.85, 0.10)
    shift = np.sqrt(2) * stats.norm.ppf(0.85)
    rng = np.random.default_rng(0)
    label = np.repeat([1, 0], [m, n])
    widths = [auroc(label, rng.normal(size=m + n) + shift * label).width for _ in range(100)]
    assert np.mean(widths) == pytest.approx(0.10, abs=0.006)


def test_design_effect_and_basis():
    plain = plan(sensitivity=0.95, width=0.05)
    clustered = plan(sensitivity=0.95, width=0.05, design_effect=1.5)
    assert clustered.positives == np.ceil(1.5 * plain.positives)
    assert plain.negatives is None
    assert "Wilson interval of width 0.05 around sensitivity 0.95" in plain.basis[0]
    both = plan(sensitivity=0.9, auroc=0.9, width=0.1, prevalence=0.3)
    assert both.to_json()["total"] >= both.positives / 0.3


@pytest.mark.each(
    ("options", "message"),
    [
        ({"width": 0.05}, "what to estimate"),
        ({"sensitivity": 0.9}, "either a width or a null"),
        ({"sensitivity": 0.9, "width": 0.1, "null": 0.8}, "either a width or a null"),
        ({"sensitivity": 0.8, "null": 0.9}, "null value must lie below"),
        ({"auroc": 0.9, "null": 0.8}, "null value must lie below"),
        ({"sensitivity": 0.9, "width": 1e-6}, "ten million"),
    ],
)
def test_refuses_what_cannot_be_planned(options, message):
    with pytest.raises(ConfigError, match=message):
        plan(**options)
