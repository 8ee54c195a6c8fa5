from medcnn.reporting.contents import read_run
from medcnn.reporting.estimates import conditional_estimates, named_estimates


def test_estimates_stand_in_the_order_of_the_page(built_run):
    results = read_run(built_run).results
    found = named_estimates(results)
    assert list(found)[:2] == ["sensitivity", "specificity"]
    assert found["auroc"] == results.auroc
    along = conditional_estimates(results)
    assert along[0][:2] == ("sensitivity_at_specificity", 0.8)
    assert along[-1] == (
        "specificity_at_sensitivity",
        0.98,
        results.specificity_at_sensitivity["0.98"],
    )
