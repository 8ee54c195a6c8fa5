import numpy as np
import pytest
from scipy.special import expit

from medcnn.calibration.detector import Detector, Measured, fit_detector, score_of
from medcnn.calibration.input_checks import STATISTICS, fit_input_reference
from medcnn.calibration.out_of_distribution import SCORES, fit_reference
from medcnn.errors import ConfigError, DataError


def seen(n, seed, moved=0.0, deviation=0.3):
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 3, n)
    features = rng.normal(size=(n, 6)) + moved
    return Measured(features, logit, expit(logit), rng.normal(0, deviation, (n, len(STATISTICS))))


TRAIN = seen(500, 0)
FEATURES = fit_reference(TRAIN.features, (TRAIN.logit > 0).astype(int))
INPUTS = fit_input_reference(lambda: iter([np.random.default_rng(0).random((20, 32, 32))]), ["PA"])


@pytest.mark.parametrize("score", SCORES)
def test_about_as_many_are_flagged_as_asked_for(score):
    detector = fit_detector(score, FEATURES, INPUTS, seen(2000, 1), 0.95)
    flagged = detector.flag(seen(4000, 2))["out_of_distribution"].mean()
    assert flagged == pytest.approx(0.05, abs=0.02)


def test_reasons_name_what_is_foreign():
    detector = fit_detector("mahalanobis", FEATURES, INPUTS, seen(500, 1), 0.99)
    far = detector.flag(seen(5, 2, moved=9.0))
    assert (far["out_of_distribution"] == 1).all()
    assert far["ood_reasons"].str.contains("mahalanobis .* above").all()
    odd = detector.flag(seen(5, 3, deviation=20.0))
    assert not odd["ood_reasons"].str.contains("mahalanobis").any()
    assert (odd["out_of_distribution"] == 1).all()
    clean = detector.flag(seen(50, 4))
    assert (clean["ood_reasons"] == "").sum() >= 48


@pytest.mark.parametrize("score", SCORES)
def test_a_detector_survives_its_file_and_holds_no_code(score, tmp_path):
    detector = fit_detector(score, FEATURES, INPUTS, seen(300, 1), 0.99)
    detector.save(tmp_path / "ood.npz")
    again = Detector.load(tmp_path / "ood.npz")
    new = seen(20, 5, moved=1.0)
    assert again.flag(new).equals(detector.flag(new))
    assert again.inputs.views == ("PA",)
    with np.load(tmp_path / "ood.npz", allow_pickle=False) as file:
        assert {file[name].dtype.kind for name in file} <= set("fiU")


def test_a_damaged_file_and_an_unknown_score_are_refused(tmp_path):
    detector = fit_detector("knn", FEATURES, INPUTS, seen(300, 1), 0.99)
    path = tmp_path / "ood.npz"
    detector.save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="not a readable archive"):
        Detector.load(path)
    with pytest.raises(ConfigError, match="did you mean 'energy'"):
        score_of("enrgy", FEATURES, TRAIN)
