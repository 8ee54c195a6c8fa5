import numpy as np
import pytest
from scipy import stats

from medcnn.metrics.bootstrap import Sample, bootstrap, replicates_for

VALUES = np.random.default_rng(6).gamma(2.0, size=60)


def mean_and_ratio(weights):
    total = weights.sum(axis=1)
    mean = weights @ VALUES / total
    return {"mean": mean, "square": mean**2}


def sample_of(cluster=None):
    return Sample(np.arange(60), 60, cluster)


def test_bca_agrees_with_scipy():
    ours = bootstrap(mean_and_ratio, sample_of(), replicates=20_000, seed=1)["mean"]
    theirs = stats.bootstrap(
        (VALUES,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    assert ours.value == pytest.approx(VALUES.mean())
    # Two independent sets of resamples: their ends differ by Monte Carlo error alone.
    assert ours.ci == pytest.approx((theirs.low, theirs.high), abs=0.02)
    assert ours.method == "bootstrap-bca"


def test_one_seed_one_interval_and_bca_respects_transformations():
    first = bootstrap(mean_and_ratio, sample_of(), replicates=500, seed=3)
    again = bootstrap(mean_and_ratio, sample_of(), replicates=500, seed=3)
    other = bootstrap(mean_and_ratio, sample_of(), replicates=500, seed=4)
    assert first == again
    assert first["mean"].ci != other["mean"].ci
    squared = tuple(bound**2 for bound in first["mean"].ci)
    assert first["square"].ci == pytest.approx(squared, rel=0.02)


def test_patients_are_resampled_whole():
    cluster = np.repeat(np.arange(6), 10)
    alike = np.repeat(VALUES[:6], 10)

    def mean(weights):
        return {"mean": weights @ alike / weights.sum(axis=1)}

    by_case = bootstrap(mean, sample_of(), replicates=2000)["mean"]
    by_patient = bootstrap(mean, sample_of(cluster), replicates=2000)["mean"]
    assert by_patient.method == "bootstrap-bca-clustered"
    # Ten copies of each patient: the standard error grows by the root of ten.
    assert by_patient.width / by_case.width == pytest.approx(np.sqrt(10), rel=0.25)


def test_bca_leans_towards_the_long_tail_as_scipys_does():
    values = np.random.default_rng(1).exponential(size=20)

    def mean(weights):
        return {"mean": weights @ values / weights.sum(axis=1)}

    ours = bootstrap(mean, Sample(np.arange(20), 20), replicates=20_000)["mean"]
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    assert ours.ci == pytest.approx((theirs.low, theirs.high), abs=0.04)

    # Patients stand for their images in the resamples and in the jackknife alike.
    def of_images(weights):
        return {"mean": weights @ np.repeat(values, 3) / weights.sum(axis=1)}

    images = Sample(np.arange(60), 60, np.repeat(np.arange(20), 3))
    together = bootstrap(of_images, images, replicates=20_000)["mean"]
    assert together.ci == pytest.approx(ours.ci, abs=1e-12)


def test_undefined_resamples_are_counted_and_too_many_leave_no_interval():
    def sometimes(weights):
        defined = np.where(weights[:, 0] > 0, 1.0, np.nan)
        return {"often": defined * (weights @ VALUES), "never": np.full(len(weights), np.nan)}

    found = bootstrap(sometimes, sample_of(), replicates=400)
    assert "left out for want of a class" in found["often"].note
    assert found["never"].value is None

    def rarely(weights):
        return {"x": np.where(weights.max(axis=1) <= 1, weights @ VALUES, np.nan)}

    rare = bootstrap(rarely, sample_of(), replicates=400)["x"]
    assert rare.value is not None and rare.ci is None


def test_a_statistic_that_never_varies_says_so():
    constant = bootstrap(lambda weights: {"one": np.ones(len(weights))}, sample_of(), replicates=50)
    assert "too narrow to be believed" in constant["one"].note


def test_large_samples_get_fewer_replicates():
    assert replicates_for(100) == 2000
    assert replicates_for(100_000) == 1000
    assert replicates_for(10_000_000) == 500
