from medcnn.metrics.estimate import Estimate
from medcnn.reporting.contents import read_run
from medcnn.reporting.tables import conditional_estimates, estimate_row, with_interval
from medcnn.reporting.wording import Wording

EN = Wording("en")


def test_shares_are_percentages_ratios_have_three_digits_and_the_rest_are_numbers():
    raw = Estimate(0.5, (0.25, 0.75), "")
    assert with_interval("sensitivity", raw, EN) == "50.0% (25.0% – 75.0%)"
    assert with_interval("auroc", raw, EN) == "0.500 (0.250 – 0.750)"
    assert with_interval("diagnostic_odds_ratio", Estimate(60.04, None, ""), EN) == "60.0"


def test_a_row_says_when_there_is_no_interval_and_draws_only_what_lies_within_one():
    row = estimate_row("auroc", Estimate(0.9, None, "delong"), EN)
    assert (row.interval, row.bar) == ("no interval", (0.9, 0.9, 0.9))
    assert estimate_row("slope", Estimate(1.8, (1.2, 2.4), ""), EN).bar is None
    empty = estimate_row("npv", Estimate(None, None, ""), EN)
    assert (empty.value, empty.interval, empty.bar) == ("not estimable", "", None)
    assert estimate_row("mcc", Estimate(0.1, (-0.2, 0.4), ""), EN).bar == (0.1, 0.0, 0.4)


def test_the_fixed_side_of_a_curve_is_in_the_label():
    row = estimate_row("sensitivity_at_specificity", Estimate(0.8, (0.7, 0.9), ""), EN, 0.95)
    assert row.label == "Sensitivity at 95% specificity"


def test_points_of_the_curve_stand_in_the_order_of_the_page(built_run):
    results = read_run(built_run).results
    along = conditional_estimates(results)
    assert along[0][:2] == ("sensitivity_at_specificity", 0.8)
    lowest = results.specificity_at_sensitivity["0.98"]
    assert along[-1] == ("specificity_at_sensitivity", 0.98, lowest)
