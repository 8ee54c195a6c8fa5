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


def test_a_distance_has_the_interval_of_the_truths_that_could_have_given_it():
    def parts(weights):
        return {"distance": weights @ np.eye(2)[[0, 1]] / weights.sum(axis=1, keepdims=True) - 0.5}

    cell = np.repeat([0, 1], [230, 170])
    norms = {"distance": lambda values: np.abs(values).sum(axis=1)}
    found = bootstrap(parts, Sample(cell, 2), replicates=4000, distances=norms)["distance"]
    assert found.method == "bootstrap-inverted"
    assert found.value == pytest.approx(0.15)
    # Far from 0 it is the textbook interval of the one proportion that both parts hang on.
    half = 1.96 * 2 * np.sqrt(0.575 * 0.425 / 400)
    assert found.ci == pytest.approx((0.15 - half, 0.15 + half), abs=0.006)
    near = bootstrap(
        parts, Sample(np.repeat([0, 1], [207, 193]), 2), replicates=4000, distances=norms
    )["distance"]
    assert near.ci[0] == 0
    assert near.ci[1] > near.value


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


def test_the_highest_of_several_values_has_a_simultaneous_band():
    # Ten coins, all fair: the highest share of heads is too high, and so it is in every resample.
    flips = np.random.default_rng(3).integers(0, 2, (200, 10))

    def shares(weights):
        return {"highest": weights @ flips / weights.sum(axis=1, keepdims=True)}

    found = bootstrap(shares, Sample(np.arange(200), 200), replicates=800, maxima=["highest"])
    highest = found["highest"]
    assert highest.value == flips.mean(axis=0).max()
    assert highest.method == "bootstrap-simultaneous"
    assert highest.ci[0] < 0.5 < highest.value < highest.ci[1]
    # Šidák's band for ten independent shares, one-sided.
    reach = stats.norm.ppf(0.975 ** (1 / 10)) * np.sqrt(0.25 / 200)
    assert highest.value - highest.ci[0] == pytest.approx(reach, rel=0.1)

    # A value that is known, such as what the chosen threshold gains over itself, bounds it below.
    def with_known(weights):
        return {
            "highest": np.column_stack([shares(weights)["highest"], np.full(len(weights), 0.5)])
        }

    known = bootstrap(with_known, Sample(np.arange(200), 200), replicates=200, maxima=["highest"])
    assert known["highest"].ci[0] == 0.5
    never = bootstrap(
        lambda weights: {"none": np.full((len(weights), 2), np.nan)}, sample_of(), maxima=["none"]
    )
    assert never["none"].value is None
