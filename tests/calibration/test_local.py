import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.fit import fit_calibrator
from medcnn.calibration.local import cross_fit, moved, refit
from medcnn.errors import DataError
from medcnn.metrics.thresholds import Threshold, fixed_threshold


def cases(n, seed=0, shift=0.0, scale=1.0, prevalence=0.4):
    """Return logits and labels; with ``shift`` all score higher, with ``scale`` wider."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < prevalence).astype(int)
    return scale * (rng.normal(size=n) * 1.4 + 2.5 * label - 1.2) + shift, label


@pytest.mark.parametrize("name", ["none", "temperature", "platt", "beta", "isotonic", "histogram"])
def test_every_calibrator_is_moved_on_the_scale_of_its_log_odds(name):
    z, label = cases(400)
    frozen = fit_calibrator(name, z, label)
    found = moved(frozen, 0.7, -0.4)
    p = np.clip(frozen.probability(z), 1e-6, 1 - 1e-6)
    np.testing.assert_allclose(found.probability(z), expit(0.7 * logit(p) - 0.4), atol=2e-3)
    same = moved(frozen, 1.0, 0.0)
    np.testing.assert_allclose(same.probability(z), frozen.probability(z), atol=1e-6)


def test_with_many_cases_it_is_the_logistic_regression_and_the_rule_itself():
    z, label = cases(4000, shift=2.0, scale=1.5)
    found = refit(Calibrator(), z, label, "sensitivity>=0.9")
    free = LogisticRegression(C=1e6).fit(z[:, None], label)
    assert (found.kind, found.smoothed) == ("platt", False)
    assert found.slope == pytest.approx(free.coef_[0, 0], rel=0.02)
    assert found.intercept == pytest.approx(free.intercept_[0], rel=0.03)
    p = found.calibrator.probability(z)
    assert np.mean(p[label == 1] >= found.threshold.value) >= 0.9
    assert found.threshold.chosen_from(label, p)


def test_few_cases_move_the_intercept_only_and_towards_what_they_show():
    z, label = cases(24, seed=3, shift=2.0)
    found = refit(Calibrator(), z, label, "youden")
    assert (found.kind, found.slope, found.smoothed) == ("intercept", 1.0, True)
    assert -3 < found.intercept < -0.5
    p = found.calibrator.probability(z)
    # Youden's optimum lies where the odds are those of the prevalence.
    assert found.threshold.value == pytest.approx(p.mean(), abs=0.2)
    assert found.threshold.chosen_from(label, p)


def test_separated_classes_keep_a_finite_slope():
    label = np.repeat([0, 1], 30)
    found = refit(Calibrator(), np.where(label == 1, 3.0, -3.0), label, "youden")
    assert 0.2 < found.slope < 5


@pytest.mark.parametrize("counts", [(4, 40), (40, 4), (40, 0), (0, 0)])
def test_too_few_of_a_class_are_refused_with_the_numbers(counts):
    label = np.repeat([0, 1], counts)
    with pytest.raises(DataError, match=f"{counts[0]} normal and {counts[1]} abnormal"):
        refit(Calibrator(), np.zeros(len(label)), label, "youden")


def test_a_threshold_given_as_a_number_stays_it():
    z, label = cases(60)
    assert refit(Calibrator(), z, label, 0.3).threshold == fixed_threshold(0.3)


def test_a_refit_is_nearer_to_the_truth_than_home_with_few_and_nearer_with_more():
    home = Threshold(0.5, "youden")
    far_z, far_label = cases(20000, seed=99, shift=2.5)

    def loss(calibrator, threshold):
        called = calibrator.probability(far_z) >= threshold
        return 2 - called[far_label == 1].mean() - (~called[far_label == 0]).mean()

    lost = {n: [] for n in (30, 200)}
    for n, found in lost.items():
        for seed in range(15):
            refitted = refit(Calibrator(), *cases(n, seed=seed, shift=2.5), "youden")
            found.append(loss(refitted.calibrator, refitted.threshold.value))
    before = loss(Calibrator(), home.value)
    assert np.mean(lost[200]) < np.mean(lost[30]) < before - 0.05


def test_out_of_fold_no_case_is_judged_by_its_own_patient():
    z, label = cases(120, seed=5)
    patient = np.repeat([f"p{row}" for row in range(60)], 2)
    label = label.reshape(-1, 2).max(axis=1).repeat(2)
    found = cross_fit(
        Calibrator(), Threshold(0.5, "youden"), z, label, patient.tolist(), "youden", "platt"
    )
    assert found.skipped == 0
    pairs = found.threshold.reshape(-1, 2)
    assert (pairs[:, 0] == pairs[:, 1]).all() and 2 <= len(set(found.threshold)) <= 10
    called = found.p >= found.threshold
    assert ((found.aligned(0.3) >= 0.3) == called).all()
    # The same case turned round leaves its own judgement as it was.
    turned = label.copy()
    turned[:2] = 1 - turned[:2]
    again = cross_fit(
        Calibrator(), Threshold(0.5, "youden"), z, turned, patient.tolist(), "youden", "platt"
    )
    assert again.p.shape == found.p.shape


def test_folds_with_too_few_left_keep_the_judgement_of_home():
    label = np.array([1] * 5 + [0] * 30)
    z = np.linspace(-2, 2, 35)[::-1]
    names = [str(row) for row in range(35)]
    found = cross_fit(
        Calibrator(), Threshold(0.4, "youden"), z, label, names, "youden", "intercept"
    )
    assert found.skipped == 5
    assert (found.threshold[:5] == 0.4).all()
