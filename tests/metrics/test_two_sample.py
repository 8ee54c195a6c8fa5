import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel

from medcnn.metrics.two_sample import two_sample_tests

PERMUTATIONS = 99


def draw(seed, n=80, m=60, shift=0.0, spread=1.0, images=1):
    """Return features, scores, sides and patients; a patient's images are alike."""
    rng = np.random.default_rng(seed)
    patients = n + m
    second = (np.arange(patients) >= n).repeat(images)
    own = rng.normal(size=(patients, 6))
    own[n:] = own[n:] * spread + shift * np.eye(6)[0]
    features = own.repeat(images, axis=0) + 0.1 * rng.normal(size=(patients * images, 6))
    return features, features @ np.arange(6), second, np.arange(patients).repeat(images)


def result_of(*arguments, **options):
    return two_sample_tests(*draw(*arguments, **options), permutations=PERMUTATIONS)


def test_statistics_are_those_of_other_libraries():
    features, score, second, cluster = draw(1, shift=0.7)
    found = two_sample_tests(features, score, second, cluster, permutations=19)
    gap = stats.ks_2samp(score[second], score[~second]).statistic
    assert found.scores.value == pytest.approx(gap)
    assert found.auroc.value == pytest.approx(roc_auc_score(second, found.discriminant))
    centred = features - features.mean(axis=0)
    left, _, _ = np.linalg.svd(centred, full_matrices=False)
    x = left * np.sqrt(len(left))
    square = ((x[:, None] - x[None]) ** 2).sum(-1)
    gamma = 1 / np.median(square[np.triu_indices(len(x), 1)])
    k = rbf_kernel(x, gamma=gamma)
    mean = k[second][:, second].mean() + k[~second][:, ~second].mean()
    assert found.mmd.value == pytest.approx(mean - 2 * k[second][:, ~second].mean())


def test_the_discriminant_of_a_patient_is_fitted_without_its_images():
    # Only its own side would tell such patients apart: cross-fitted, nothing is left of it.
    found = result_of(2, images=4)
    assert found.auroc.value < 0.65


@pytest.mark.parametrize("images", [1, 3])
def test_one_population_is_rejected_as_often_as_promised(images):
    p = np.array(
        [
            (found.classifier.p_value, found.mmd.p_value, found.scores.p_value)
            for found in (result_of(seed, n=40, m=30, images=images) for seed in range(60))
        ]
    )
    # 95 % of 60 such counts lie at 7 or below where 5 % are promised.
    assert ((p <= 0.05).sum(axis=0) <= 8).all()
    assert p.mean(axis=0) == pytest.approx(0.5, abs=0.13)


def test_another_mean_is_found_by_all_and_another_spread_by_the_kernel():
    moved = result_of(3, shift=1.2)
    assert max(moved.classifier.p_value, moved.mmd.p_value) <= 0.02
    assert moved.auroc.low > 0.5
    wider = result_of(4, spread=2.5)
    assert wider.mmd.p_value <= 0.02


def test_constant_features_and_scores_tell_nothing():
    features, score, second, cluster = draw(5)
    found = two_sample_tests(features * 0, score * 0, second, cluster, permutations=19)
    assert found.classifier.p_value == found.mmd.p_value == found.scores.p_value == 1.0


def test_the_same_seed_gives_the_same_answer():
    assert result_of(6).classifier == result_of(6).classifier
