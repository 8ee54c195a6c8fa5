import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import expit, logsumexp
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from medcnn.calibration.out_of_distribution import (
    FeatureReference,
    energy,
    fit_reference,
    one_minus_max_probability,
    quantile_threshold,
)
from medcnn.errors import DataError
from medcnn.files.arrays import packed, unpacked


def features(n=300, width=12, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    label = rng.integers(2, size=n)
    mixing = np.random.default_rng(99).normal(size=(width, width))
    return rng.normal(size=(n, width)) @ mixing + 3 * label[:, None] + offset, label


def test_mahalanobis_is_scipys_with_the_shrunk_covariance_of_scikit_learn():
    x, label = features()
    new, _ = features(50, seed=1, offset=1.0)
    means = np.stack([x[label == k].mean(axis=0) for k in (0, 1)])
    precision = LedoitWolf(assume_centered=True).fit(x - means[label]).precision_
    expected = cdist(new, means, "mahalanobis", VI=precision).min(axis=1)
    np.testing.assert_allclose(fit_reference(x, label).mahalanobis(new), expected, rtol=1e-4)


def test_knn_is_scikit_learns_on_features_of_length_one():
    x, label = features()
    new, _ = features(50, seed=1, offset=1.0)
    peer = NearestNeighbors(n_neighbors=10).fit(normalize(x))
    expected = peer.kneighbors(normalize(new))[0][:, -1]
    found = fit_reference(x, label, neighbour=10).knn(new)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_both_distances_find_what_is_moved_and_keep_their_rate_on_what_is_not():
    x, label = features(1000)
    reference = fit_reference(x, label)
    val, _ = features(500, seed=1)
    same, _ = features(2000, seed=2)
    # Aside from the line between the classes: length says nothing once features have length 1.
    other, _ = features(500, seed=3, offset=8 * (-1.0) ** np.arange(12))
    for score in (reference.mahalanobis, reference.knn):
        limit = quantile_threshold(score(val), 0.95)
        assert np.mean(score(same) > limit) == pytest.approx(0.05, abs=0.025)
        truth = np.r_[np.zeros(2000), np.ones(500)]
        assert roc_auc_score(truth, np.r_[score(same), score(other)]) > 0.85


def test_more_features_than_images_dead_units_and_one_class_stay_finite():
    rng = np.random.default_rng(0)
    x = np.c_[rng.normal(size=(20, 40)), np.zeros((20, 5))]
    reference = fit_reference(x, np.zeros(20, int))
    new = np.c_[rng.normal(size=(4, 40)), np.ones((4, 5))]
    assert np.isfinite(reference.mahalanobis(new)).all()
    still = np.c_[new[:, :40], np.zeros((4, 5))]
    assert (reference.mahalanobis(new) > reference.mahalanobis(still)).all()
    assert np.isfinite(reference.knn(new)).all()
    constant = fit_reference(np.ones((3, 4)), np.array([0, 1, 1]))
    assert np.isfinite(constant.mahalanobis(new[:, :4])).all()


def test_energy_is_scipys_logsumexp_and_ranks_as_maximum_probability_does():
    z = np.r_[-100.0, np.linspace(-8, 8, 41), 100.0]
    np.testing.assert_allclose(energy(z), -logsumexp([z / 2, -z / 2], axis=0))
    ranks = [
        np.argsort(np.round(s, 12), kind="stable")
        for s in (energy(z[1:-1]), one_minus_max_probability(expit(z[1:-1])))
    ]
    np.testing.assert_array_equal(*ranks)


def test_the_threshold_is_the_conformal_quantile_worked_by_hand():
    assert quantile_threshold(np.arange(1, 100), 0.9) == 90  # ceil(100 * 0.9)
    assert quantile_threshold([3.0, 1.0, 2.0], 0.99) == 3.0
    with pytest.raises(DataError, match="validation scores"):
        quantile_threshold([], 0.9)


def test_arrays_carry_the_reference_over_and_other_features_are_refused():
    x, label = features()
    reference = fit_reference(x, label, kept=100)
    assert reference.normalised.shape == (100, 12)
    again = unpacked(FeatureReference, packed(reference))
    np.testing.assert_array_equal(again.knn(x), reference.knn(x))
    with pytest.raises(DataError, match="do not fit"):
        reference.mahalanobis(x[:, :5])
    with pytest.raises(DataError, match="cannot be described"):
        fit_reference(np.full((5, 2), np.nan), np.zeros(5))
