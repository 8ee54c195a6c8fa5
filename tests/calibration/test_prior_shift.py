import inspect

import numpy as np
import pytest
from scipy.special import expit

from medcnn.calibration.prior_shift import estimate_prevalence, shift_prior, trust


def scores(n, prevalence, seed, gap=2.0, source=0.5, moved=0.0):
    """Cases of two normal densities: logit(p) is exact at the prevalence ``source``."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < prevalence).astype(int)
    x = rng.normal(np.where(label == 1, gap / 2, -gap / 2), 1) + moved
    return label, expit(gap * x + np.log(source / (1 - source)))


def test_the_estimate_is_where_saerens_iteration_ends():
    _, p = scores(400, 0.15, seed=1)
    prior = 0.5
    for _ in range(5000):
        prior = shift_prior(p, 0.5, prior).mean()
    assert estimate_prevalence(p, 0.5, resamples=10).value == pytest.approx(prior, abs=1e-7)


def test_scores_in_cells_change_the_estimate_by_nothing_that_matters():
    _, p = scores(20_000, 0.3, seed=2)
    prior = 0.5
    for _ in range(400):
        prior = shift_prior(p, 0.5, prior).mean()
    assert estimate_prevalence(p, 0.5, resamples=10).value == pytest.approx(prior, abs=1e-4)


@pytest.mark.parametrize("source", [0.5, 0.74])
@pytest.mark.parametrize("prevalence", [0.05, 0.3])
def test_the_interval_covers_the_true_prevalence(source, prevalence):
    hits = 0
    for seed in range(100):
        _, p = scores(500, prevalence, seed, source=source)
        low, high = estimate_prevalence(p, source, resamples=100, seed=seed).ci
        hits += low <= prevalence <= high
    assert hits >= 88  # 95 expected; fewer than 89 has a probability below 1 %


def test_patients_resampled_together_widen_the_interval():
    _, p = scores(300, 0.3, seed=3)
    several, patient = np.repeat(p, 4), np.repeat(np.arange(300), 4)
    alone = estimate_prevalence(several, 0.5)
    together = estimate_prevalence(several, 0.5, cluster_N=patient)
    assert together.width == pytest.approx(2 * alone.width, rel=0.2)
    assert "patients" in together.note


def test_shifted_probabilities_are_calibrated_at_the_new_prevalence():
    label, p = scores(200_000, 0.1, seed=4)
    moved = shift_prior(p, 0.5, 0.1)
    assert moved.mean() == pytest.approx(label.mean(), abs=0.003)
    middle = (moved > 0.4) & (moved < 0.6)
    assert label[middle].mean() == pytest.approx(moved[middle].mean(), abs=0.03)
    assert p.mean() > 0.2


def test_shifting_there_and_back_changes_nothing():
    p = np.r_[0.0, np.linspace(0.01, 0.99, 50), 1.0]
    np.testing.assert_allclose(shift_prior(shift_prior(p, 0.7, 0.2), 0.2, 0.7), p, atol=1e-12)
    with pytest.raises(ValueError, match="within"):
        shift_prior(p, 0.5, 1.0)
    with pytest.raises(ValueError, match="no cases"):
        estimate_prevalence([], 0.5)


@pytest.mark.parametrize("prevalence", [0.15, 0.85])
def test_trust_keeps_its_level_under_a_pure_shift_of_prevalence(prevalence):
    rejected = 0
    for seed in range(60):
        # Few validation cases: most of the distance is their own chance, of one class mainly.
        label, p = scores(100, 0.5, seed)
        _, new = scores(600, prevalence, seed + 1000)
        rejected += trust(p, label, new, resamples=100, seed=seed).p_value < 0.05
    assert rejected <= 8  # 3 expected; above 8 has a probability below 1 %


def test_trust_is_lost_when_the_classes_themselves_change():
    found = []
    for seed in range(20):
        label, p = scores(1000, 0.5, seed)
        _, new = scores(1000, 0.3, seed + 1000, moved=0.8)
        found.append(trust(p, label, new, resamples=150).trusted)
    assert np.mean(found) <= 0.1
    assert "more has changed than the prevalence" in trust(p, label, new).reasons[0]


def test_weak_small_and_one_sided_sets_are_not_trusted():
    label, p = scores(400, 0.5, seed=5)
    assert "too few" in trust(p, label, p[:10]).reasons[-1]
    weak_label, weak = scores(400, 0.5, seed=5, gap=0.1)
    assert any("hardly part" in reason for reason in trust(weak, weak_label, weak).reasons)
    assert not trust(weak, weak_label, weak).determined
    assert not trust(p, label, p[:10]).determined
    assert trust(p, label, expit(np.log(p / (1 - p)) / 3)).determined
    assert any("edge" in reason for reason in trust(p, label, np.full(50, 0.001)).reasons)
    assert "lacks a class" in trust(p, np.ones(400), p).reasons[0]


def test_no_label_of_the_new_cases_can_be_given():
    assert "label" not in " ".join(inspect.signature(estimate_prevalence).parameters)
    assert [name for name in inspect.signature(trust).parameters if "label" in name] == ["label_V"]


def test_extreme_probabilities_leave_the_estimate_finite():
    found = estimate_prevalence([0.0, 0.0, 0.0, 1.0], 0.5, resamples=50)
    assert found.value == pytest.approx(0.25, abs=1e-3)
    assert 0 <= found.ci[0] <= found.ci[1] <= 1
