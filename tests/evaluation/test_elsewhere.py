import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from medcnn.evaluation.elsewhere import External, at_home, differences, told_differences
from medcnn.evaluation.results import evaluate
from medcnn.files.records import from_json, to_json
from medcnn.metrics.auroc import auroc_variance
from medcnn.metrics.thresholds import Threshold

AT = Threshold(0.5, "youden")


def cases(n, seed, shift=0.0, split="test"):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.4).astype(int)
    logit = rng.normal(size=n) + 2.4 * label - 1.2 + shift
    names = [f"{seed}-{row}" for row in range(n)]
    return pd.DataFrame(
        {
            "image_id": names,
            "patient_id": names,
            "label": label,
            "split": split,
            "p_abnormal": 1 / (1 + np.exp(-logit)),
        }
    )


@pytest.fixture(scope="module")
def both():
    here = cases(300, 1, shift=1.2, split="external")
    home = cases(500, 2)
    results = evaluate(here, AT, split="external")
    return here, home, results, at_home(home, AT, "test", 0.95)


@pytest.mark.parametrize("name", ["sensitivity", "specificity", "ppv", "npv", "accuracy"])
def test_differences_of_shares_are_newcombes(both, name):
    _, _, results, home = both
    counts = {}
    for where, headline in (("here", results), ("home", home)):
        table = both[0] if where == "here" else both[1]
        called, label = table["p_abnormal"] >= 0.5, table["label"]
        mask = {
            "sensitivity": label == 1,
            "specificity": label == 0,
            "ppv": called,
            "npv": ~called,
            "accuracy": label >= 0,
        }[name]
        right = (called == (label == 1))[mask]
        counts[where] = (int(right.sum()), len(right))
        assert getattr(headline, name).value == pytest.approx(right.mean())
    low, high = confint_proportions_2indep(
        *counts["here"], *counts["home"], method="newcomb", compare="diff"
    )
    found = differences(results, home)[name]
    assert found.ci == pytest.approx((low, high), abs=1e-9)


def test_the_difference_of_the_aurocs_has_about_the_sum_of_delongs_variances(both):
    here, home, results, at = both
    variance = sum(
        auroc_variance(t["label"].to_numpy(), t["p_abnormal"].to_numpy()) for t in (here, home)
    )
    found = differences(results, at)["auroc"]
    assert found.ci[1] - found.ci[0] == pytest.approx(2 * 1.96 * variance**0.5, rel=0.05)


def test_only_what_chance_does_not_explain_is_said(both):
    _, _, results, home = both
    told = told_differences(differences(results, home))
    assert [(each.key, each.facts["measure"]) for each in told] == [
        ("higher_elsewhere", "sensitivity"),
        ("lower_elsewhere", "specificity"),
    ]
    specificity = differences(results, home)["specificity"]
    assert told[1].facts["low"] == pytest.approx(-specificity.ci[1])
    same = evaluate(cases(300, 3, split="external"), AT, split="external")
    assert told_differences(differences(same, home)) == []


def test_the_record_comes_back_from_its_file(both):
    _, _, results, home = both
    record = External(
        source="manifest",
        label_policy="given",
        home=home,
        differences=differences(results, home),
    )
    assert from_json(External, to_json(record), "external") == record
    bare = External(source="folder", label_policy="", split="test", unreadable=2)
    assert from_json(External, to_json(bare), "external") == bare
    assert "home" not in to_json(bare)
