import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from medcnn.evaluation.new_site import NewSite, SourcesResults, new_site_results
from medcnn.files.records import from_json, to_json

WORST = "d"


@pytest.fixture(scope="module")
def table():
    """Return out-of-source predictions of four sites: at ``d`` the model sees half of the abnormal."""
    rng = np.random.default_rng(0)
    rows = []
    for fold, site in enumerate("abcd"):
        for at in range(120):
            label = at % 2
            shift = 0.0 if site == WORST else 1.6
            score = rng.normal(shift * label if label else -1.6)
            rows.append((f"{site}{at}", f"{site}p{at // 3}", label, site, fold, expit(score)))
    names = ["image_id", "patient_id", "label", "source", "fold", "p_fold"]
    return pd.DataFrame(rows, columns=names).assign(fold_threshold=0.5)


def test_each_source_is_counted_and_the_worst_is_named(table):
    expected, sources = new_site_results(table, "site", "val")
    assert [each.source for each in sources.by_source] == list("abcd")
    for each in sources.by_source:
        part = table[table["source"] == each.source]
        called = part["p_fold"] >= 0.5
        assert each.sensitivity.value == pytest.approx(called[part["label"] == 1].mean())
        assert each.specificity.value == pytest.approx(1 - called[part["label"] == 0].mean())
        assert (each.n, each.n_patients, each.prevalence) == (120, 40, 0.5)
    assert sources.heterogeneity["sensitivity"].worst == WORST
    assert sources.heterogeneity["sensitivity"].i2 > 0.5
    assert expected.sources == 4


def test_a_new_site_may_be_like_the_worst_one(table):
    expected, sources = new_site_results(table, "site", "val")
    worst = next(each for each in sources.by_source if each.source == WORST)
    low, high = expected.sensitivity.prediction_interval
    assert low < worst.sensitivity.value < expected.sensitivity.ci[1] < high
    for measure in (expected.sensitivity, expected.specificity, expected.auroc):
        (low, high), (least, most) = measure.ci, measure.prediction_interval
        assert 0 <= least < low < measure.value < high < most <= 1
        assert measure.method == "binomial-normal"


def test_the_entry_has_the_keys_of_the_contract_and_comes_back(table):
    expected, sources = new_site_results(table, "site", "val")
    plain = json.loads(json.dumps(to_json(expected)))
    assert set(plain) == {"sensitivity", "specificity", "auroc", "sources"}
    assert set(plain["auroc"]) == {"value", "ci", "prediction_interval", "method"}
    assert from_json(NewSite, plain, "x") == expected
    again = from_json(SourcesResults, json.loads(json.dumps(to_json(sources))), "x")
    assert again == sources


def test_patients_with_several_images_count_by_what_they_are_worth(table):
    same = table.assign(p_fold=table.groupby(["patient_id", "label"])["p_fold"].transform("first"))
    alone = same.assign(patient_id=same["image_id"])
    wide, narrow = (new_site_results(each, "site", "val")[0] for each in (same, alone))
    widths = [np.ptp(each.specificity.ci) for each in (wide, narrow)]
    assert widths[0] > widths[1]


def test_a_source_with_one_class_counts_where_it_can(table):
    only = table[(table["source"] != "b") | (table["label"] == 1)]
    expected, sources = new_site_results(only, "site", "val")
    assert {name: each.sources for name, each in sources.heterogeneity.items()} == {
        "sensitivity": 4,
        "specificity": 3,
        "auroc": 3,
    }
    assert expected.specificity.prediction_interval is not None
    assert sources.by_source[1].specificity.value is None


def test_two_sources_have_no_prediction(table):
    expected, sources = new_site_results(table[table["source"].isin(["a", "b"])], "site", "val")
    assert expected.auroc.prediction_interval is None
    assert expected.auroc.method == "no-interval-2-sources"
    assert sources.heterogeneity == {}


def test_perfect_sources_promise_no_perfection(table):
    perfect = table.assign(p_fold=np.where(table["label"] == 1, 0.9, 0.1))
    expected, _ = new_site_results(perfect, "site", "val")
    assert expected.auroc.prediction_interval[0] < 0.99
    assert expected.sensitivity.ci[1] <= 1


def test_sources_that_differ_in_the_threshold_alone_trade_one_for_the_other(table):
    rng = np.random.default_rng(5)
    parts = []
    for fold, shift in enumerate(np.linspace(-1.2, 1.2, 8)):
        label = np.tile([0, 1], 100)
        p = expit(rng.normal(3 * label - 1.5) + shift)
        part = pd.DataFrame({"label": label, "p_fold": p, "fold": fold, "source": f"s{fold}"})
        parts.append(part.assign(patient_id=[f"{fold}-{row}" for row in range(200)]))
    moved = pd.concat(parts, ignore_index=True).assign(fold_threshold=0.5)
    assert new_site_results(moved, "site", "val")[1].correlation < -0.8
    assert new_site_results(table, "site", "val")[1].correlation is None
