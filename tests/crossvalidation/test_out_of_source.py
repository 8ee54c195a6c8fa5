import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from medcnn.crossvalidation.joining import OutOfFold
from medcnn.crossvalidation.out_of_source import refit
from medcnn.errors import DataError
from medcnn.metrics.thresholds import Threshold, choose_threshold


@pytest.fixture
def joined():
    """Return predictions of four sources, the third seen two logits too high by its model."""
    rng = np.random.default_rng(0)
    label = np.tile([0, 1], 200)
    fold = np.repeat(np.arange(4), 100)
    score = rng.normal(3.0 * label - 1.5) + 2.0 * (fold == 2)
    table = pd.DataFrame({"label": label, "fold": fold, "p_fold": expit(score)})
    table = table.assign(p_abnormal=table["p_fold"], fold_threshold=0.5, split="test")
    return OutOfFold(table, "test", Threshold(0.5, "youden", "val"))


def test_each_fold_is_judged_by_what_was_fitted_on_the_others(joined):
    found = refit(joined, calibration="platt", rule="youden").joined.table
    for fold in range(4):
        own, others = joined.table["fold"] == fold, joined.table["fold"] != fold
        # Calibration keeps the order, so the decisions are those of a threshold on the raw scale.
        raw = choose_threshold(
            joined.table.loc[others, "label"].to_numpy(),
            joined.table.loc[others, "p_fold"].to_numpy(),
            "youden",
        )
        called = found.loc[own, "p_fold"] >= found.loc[own, "fold_threshold"]
        expected = joined.table.loc[own, "p_fold"] >= raw.value
        assert (called == expected).mean() > 0.97


def test_the_cases_of_a_fold_have_no_part_in_how_it_is_judged(joined):
    other = joined.table.copy()
    other.loc[other["fold"] == 1, "label"] = 1 - other["label"]
    changed = OutOfFold(other, joined.role, joined.threshold)
    before, after = (
        refit(each, calibration="platt", rule="youden").joined.table for each in (joined, changed)
    )
    own = before["fold"] == 1
    assert before.loc[own, "p_fold"].equals(after.loc[own, "p_fold"])
    assert before.loc[own, "fold_threshold"].equals(after.loc[own, "fold_threshold"])
    assert not before.loc[~own, "p_fold"].equals(after.loc[~own, "p_fold"])


def test_the_threshold_of_all_keeps_its_promise_on_all_and_says_where_it_is_from(joined):
    found = refit(joined, calibration="temperature", rule="sensitivity>=0.95")
    validation = found.validation
    called = validation["p_abnormal"] >= found.threshold.value
    assert called[validation["label"] == 1].mean() >= 0.95
    assert found.threshold.chosen_on == "out_of_source"
    assert found.joined.threshold == found.threshold
    p = found.calibrator.probability(logit(joined.table["p_fold"].to_numpy()))
    np.testing.assert_allclose(validation["p_abnormal"], p)


def test_decisions_stay_when_folds_are_put_on_one_scale(joined):
    table = refit(joined, calibration="platt", rule="youden").joined.table
    common = refit(joined, calibration="platt", rule="youden").threshold.value
    called = table["p_fold"] >= table["fold_threshold"]
    assert ((table["p_abnormal"] >= common) == called).mean() > 0.99


def test_a_promise_that_the_other_folds_cannot_keep_is_told(joined):
    with pytest.raises(DataError, match=r"No threshold reaches ppv>=0\.9999 on out_of_source"):
        table = joined.table.assign(label=joined.table["label"].to_numpy()[::-1])
        refit(OutOfFold(table, "test", joined.threshold), calibration="none", rule="ppv>=0.9999")
