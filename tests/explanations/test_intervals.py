import numpy as np
import pytest
from scipy import stats

from medcnn.metrics.bootstrap import mean_of


def test_the_mean_of_images_has_scipys_bca_interval():
    values = np.random.default_rng(0).gamma(2.0, size=60)
    ours = mean_of(values, None)
    theirs = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=9999, rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours.value == pytest.approx(values.mean())
    assert ours.ci == pytest.approx((theirs.low, theirs.high), abs=0.05 * values.std())


def test_images_of_one_patient_count_as_one():
    values = np.repeat(np.random.default_rng(0).normal(size=20), 5)
    apart, together = mean_of(values, None), mean_of(values, np.repeat(np.arange(20), 5))
    assert together.method.endswith("clustered")
    assert together.width > 1.7 * apart.width  # the square root of 5 is 2.2


def test_what_is_undefined_is_left_out_and_said():
    found = mean_of([0.2, np.nan, 0.4, np.nan], np.array([0, 1, 2, 2]))
    assert found.value == pytest.approx(0.3) and "2 images" in found.note
    assert mean_of([np.nan], None).value is None
    assert mean_of([], None).ci is None


def test_one_patient_has_no_interval():
    found = mean_of([0.2, 0.4], np.array([0, 0]))
    assert found.value == pytest.approx(0.3) and found.ci is None
