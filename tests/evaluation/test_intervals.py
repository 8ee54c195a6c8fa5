"""An interval on every number: the results are walked, and only what needs none may lack one."""

import pytest

from medcnn.calibration.options import Safeguards
from medcnn.evaluation.compare import compare
from medcnn.evaluation.records import to_json
from medcnn.evaluation.results import evaluate
from medcnn.evaluation.safeguards import guard, with_safeguards
from medcnn.metrics.thresholds import Threshold, choose_threshold
from medcnn.metrics.uncertainty import binary_entropy

COUNTS = {
    *("n", "n_patients", "tp", "fp", "tn", "fn", "referred", "referred_abnormal", "errors"),
    *("normal", "abnormal", "both", "none", "only_first", "only_second"),
}
SETTINGS = {
    *("level", "threshold", "bins", "low", "high", "predicted", "share", "coverage", "cutoff"),
    *("alpha", "margin", "wanted", "target_prevalence"),
}
MAKE_UP = {"prevalence", "source_prevalence"}  # what share of these very cases is abnormal
TESTS = {"p_value", "p_holm", "exact", "mid_p", "asymptotic", "clustered", "z", "distance"}
TESTED = {"p_holm", "holm", "p_values"}  # objects of p-values


def without_interval(found, path=()):
    """Yield the path of every number that needs an interval and has none."""
    if isinstance(found, dict):
        if {"value", "ci", "method"} <= set(found):
            if found["value"] is not None and found["ci"] is None:
                yield ".".join(path)
            return
        for key, value in found.items():
            yield from without_interval(value, (*path, key))
    elif isinstance(found, list):
        for value in found:
            yield from without_interval(value, path)
    elif isinstance(found, (int, float)) and not isinstance(found, bool):
        known = path[-1] in COUNTS | SETTINGS | MAKE_UP | TESTS or set(path) & TESTED
        if (
            not known
            and path[-2:] != ("threshold", "value")
            and path[-2:] != ("thresholds", "value")
        ):
            yield ".".join(path)


def guarded(table):
    """Return the results with every option on, images of a patient together."""
    table = table.assign(entropy=binary_entropy(table["p_abnormal"].to_numpy()))
    val, rows = (table[table["split"] == split].reset_index(drop=True) for split in ("val", "test"))
    at = choose_threshold(val["label"].to_numpy(), val["p_abnormal"].to_numpy(), "sensitivity>=0.9")
    asked = Safeguards(alpha=0.1, refer="10%", prior_shift="em")
    done = guard(val, rows, at, asked)
    results = evaluate(done.table, at, subgroups=["sex", "age"])
    return to_json(with_safeguards(results, done, subgroups=["sex"]))


@pytest.mark.parametrize("fixture", ["table", "several"])
def test_every_number_of_the_results_has_an_interval(fixture, request):
    results = guarded(request.getfixturevalue(fixture))
    assert results["chosen_point"]["target"] is not None
    assert {"conformal", "prior_shift"} <= set(results)
    assert set(without_interval(results)) == set()


def test_every_number_of_a_comparison_has_an_interval(several, second_several, readers):
    at = Threshold(0.45, "youden", "val")
    found = to_json(compare(several, second_several, at, at, margin=0.05, readers=readers))
    assert set(without_interval(found)) == set()


def test_the_walk_finds_what_lacks_one():
    bare = {"n": 3, "auroc": 0.9, "rows": [{"value": 0.5, "ci": None, "method": "wilson"}]}
    assert set(without_interval(bare)) == {"auroc", "rows"}
