import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, kendalltau
from sklearn.metrics import roc_auc_score

from medcnn.diagnosis.curves import (
    auroc_error,
    inflection,
    level,
    noise,
    read_curves,
    slope,
    trend,
)


def test_noise_is_the_standard_deviation_around_a_line():
    rng = np.random.default_rng(0)
    found = [noise(3 - 0.2 * np.arange(400) + 0.05 * rng.standard_normal(400)) for _ in range(20)]
    assert np.mean(found) == pytest.approx(0.05, rel=0.05)
    assert noise(np.linspace(1, 0, 30)) == pytest.approx(0, abs=1e-12)
    assert noise(np.array([1.0, 2.0])) == 0


def test_trend_is_kendalls_and_says_nothing_of_three_epochs():
    values = np.array([5.0, 4.5, 4.6, 4.0, 3.0])
    assert trend(values) == kendalltau(range(5), values, alternative="less").pvalue
    assert trend(np.array([3.0, 2.0, 1.0])) == 1.0
    assert trend(np.ones(9)) == 1.0


def test_slope_and_level_describe_the_end():
    values = np.concatenate([np.full(20, 9.0), 5 - 0.5 * np.arange(10)])
    assert slope(values) == pytest.approx(-0.5)
    assert level(np.array([9.0, 9, 9, 9, 1, 2])) == pytest.approx(1.5)
    assert level(np.array([4.0])) == 4


def test_inflection_is_not_moved_by_one_lucky_epoch():
    values = np.array([9.0, 7, 5, 4, 3, 2.9, 3.1, 3.3, 0.5, 3.6, 4.0])
    assert inflection(values) in (4, 5)
    assert inflection(np.array([3.0, 2.0])) == 1
    assert inflection(np.linspace(5, 1, 12)) == 11


def test_the_error_of_an_auroc_is_that_of_a_bootstrap():
    rng = np.random.default_rng(1)
    label = np.repeat([0, 1], [60, 90])
    # Exponential scores, for which Hanley and McNeil's formula is exact.
    score = rng.exponential(np.where(label == 1, 4.0, 1.0))
    value = roc_auc_score(label, score)
    negatives, positives = score[label == 0], score[label == 1]

    def auroc(a, b, axis):
        return (a[..., :, None] < b[..., None, :]).mean((-2, -1))

    found = bootstrap(
        (negatives, positives), auroc, n_resamples=2000, batch=50, rng=rng, method="basic"
    )
    assert auroc_error(value, 90, 60) == pytest.approx(found.standard_error, rel=0.15)
    assert np.isnan(auroc_error(0.9, 0, 10))


def test_what_was_not_recorded_is_empty():
    found = read_curves(pd.DataFrame({"train_loss": [1.0], "val_auroc": [np.nan]}))
    assert len(found) == 1
    assert not len(found.val_loss) and not len(found.val_auroc) and not len(found.gradient)
