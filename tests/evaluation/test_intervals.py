"""An interval on every number: the results are walked, and only what needs none may lack one."""

import pandas as pd
import pytest

from medcnn.calibration.settings import Safeguards
from medcnn.evaluation.compare import compare
from medcnn.evaluation.results import evaluate
from medcnn.evaluation.safeguards import safeguard, with_safeguards
from medcnn.files.records import to_json
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
            explained = found["method"].startswith("no-interval-") and found["note"]
            if found["value"] is not None and found["ci"] is None and not explained:
                yield ".".join(path)
            return
        for key, value in found.items():
            yield from without_interval(value, (*path, key))
    elif isinstance(found, list):
        for value in found:
            yield from without_interval(value, path)
    elif isinstance(found, (int, float)) and not isinstance(found, bool):
        if path[:1] == ("notices",):
            return  # facts of sentences, each of them told elsewhere with its interval
        known = path[-1] in COUNTS | SETTINGS | MAKE_UP | TESTS or set(path) & TESTED
        if (
            not known
            and path[-2:] != ("threshold", "value")
            and path[-2:] != ("thresholds", "value")
        ):
            yield ".".join(path)


def safeguarded(table):
    """Return the results with every option on, images of a patient together."""
    table = table.assign(entropy=binary_entropy(table["p_abnormal"].to_numpy()))
    val, rows = (table[table["split"] == split].reset_index(drop=True) for split in ("val", "test"))
    at = choose_threshold(val["label"].to_numpy(), val["p_abnormal"].to_numpy(), "sensitivity>=0.9")
    asked = Safeguards(alpha=0.1, refer="10%", prior_shift="em")
    done = safeguard(val, rows, at, asked)
    results = evaluate(done.table, at, subgroups=["sex", "age"])
    return to_json(with_safeguards(results, done, subgroups=["sex"]))


@pytest.mark.parametrize("fixture", ["table", "several"])
def test_every_number_of_the_results_has_an_interval(fixture, request):
    results = safeguarded(request.getfixturevalue(fixture))
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


def copies(table, times):
    """Return each image as often under names of its own, of the same patient."""
    rows = [
        table.assign(image_id=table["image_id"] + f"-{k}", study_id=table["study_id"] + f"-{k}")
        for k in range(times)
    ]
    return pd.concat(rows, ignore_index=True)


def estimates(found, path=""):
    """Yield the path, value and interval of every estimate."""
    if isinstance(found, dict):
        if {"value", "ci", "method"} <= set(found):
            yield path, [found["value"], *(found["ci"] or ())]
            return
        for key, value in found.items():
            yield from estimates(value, f"{path}.{key}")
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from estimates(value, f"{path}.{number}")


def differing(first, second, exempt=()):
    """Return the paths of estimates that differ, and how many were compared."""
    one, other = dict(estimates(first)), dict(estimates(second))
    assert one.keys() == other.keys()
    compared = [path for path in one if not path.startswith(exempt)]
    return [path for path in compared if one[path] != pytest.approx(other[path])], len(compared)


def test_copies_of_an_image_tell_nothing_new(table, second):
    # Two and three copies: without any, cases are counted, and the quantile is the normal one.
    twice, thrice = (copies(table, times) for times in (2, 3))
    at = Threshold(0.45, "youden", "val")
    found = [to_json(evaluate(each, at, subgroups=["sex", "age"])) for each in (twice, thrice)]
    # One counts images, and the other takes each as a further chance to be abnormal.
    differ, compared = differing(*found, exempt=(".by_case", ".patients.noisy_or"))
    assert differ == [] and compared > 150
    pairs = [(copies(table, times), copies(second, times)) for times in (2, 3)]
    differ, compared = differing(*(to_json(compare(*pair, at, at, margin=0.05)) for pair in pairs))
    assert differ == [] and compared > 25


def test_copies_of_an_image_make_no_safeguard_surer(table):
    # Its place among all images, or among those of validation, moves a little; the width does not.
    found = [dict(estimates(safeguarded(copies(table, times)))) for times in (2, 3)]
    for path, one in found[0].items():
        if path.startswith((".uncertainty", ".prior_shift", ".conformal")) and len(one) == 3:
            width, other = (each[path][2] - each[path][1] for each in found)
            assert width == pytest.approx(other, rel=0.1, abs=0.01), path
