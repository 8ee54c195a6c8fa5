import json

import numpy as np
import pytest
from scipy.special import expit

from medcnn.calibration.calibrator import NAMES, Calibrator
from medcnn.calibration.fit import fit_calibrator
from medcnn.errors import ConfigError, DataError


def test_probability_keeps_the_order_and_the_middle():
    p = Calibrator("temperature", (2.0,)).probability([-2.0, 0.0, 2.0])
    np.testing.assert_allclose(p, [1 / (1 + np.e), 0.5, np.e / (1 + np.e)])


@pytest.mark.parametrize("name", NAMES)
def test_a_calibrator_survives_json_to_the_last_bit(name):
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 3, 300)
    fitted = fit_calibrator(name, logit, rng.random(300) < expit(logit))
    again = Calibrator.from_json(json.loads(json.dumps(fitted.to_json(), allow_nan=False)))
    assert again == fitted
    grid = np.linspace(-100, 100, 1001)
    np.testing.assert_array_equal(again.probability(grid), fitted.probability(grid))


def test_beta_with_equal_slopes_is_platt_and_with_ones_is_the_sigmoid():
    logit = np.linspace(-100, 100, 401)
    beta, platt = Calibrator("beta", (0.7, 0.7, -0.2)), Calibrator("platt", (0.7, -0.2))
    np.testing.assert_allclose(beta.probability(logit), platt.probability(logit), atol=1e-12)
    same = Calibrator("beta", (1.0, 1.0, 0.0)).probability(logit)
    np.testing.assert_allclose(same, expit(logit), atol=1e-12)


def test_nan_stays_nan_and_only_temperature_has_a_temperature():
    for calibrator in (Calibrator(), Calibrator("histogram", (0.0, 0.2, 0.8))):
        np.testing.assert_array_equal(np.isnan(calibrator.probability([np.nan, 1])), [True, False])
    assert Calibrator("temperature", (2.5,)).temperature == 2.5
    assert Calibrator("platt", (2.5, 0.0)).temperature == 1.0


def test_broken_records_are_refused():
    with pytest.raises(DataError, match="parameters of the calibrator 'platt'"):
        Calibrator("platt", (1.0,))
    with pytest.raises(DataError, match="parameters of the calibrator 'temperature'"):
        Calibrator("temperature", (float("nan"),))
    with pytest.raises(ConfigError, match="no calibrator named 'sigmoid'"):
        Calibrator("sigmoid")
    with pytest.raises(DataError, match="recorded calibrator"):
        Calibrator.from_json({"name": "platt"})
