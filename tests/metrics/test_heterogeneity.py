import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from medcnn.metrics.heterogeneity import random_effects

# Thirteen trials of BCG against tuberculosis (Colditz et al., JAMA 1994), as in metafor's dat.bcg:
# cases and others among the vaccinated, cases and others among the controls.
BCG = np.array(
    [
        [4, 119, 11, 128],
        [6, 300, 29, 274],
        [3, 228, 11, 209],
        [62, 13536, 248, 12619],
        [33, 5036, 47, 5761],
        [180, 1361, 372, 1079],
        [8, 2537, 10, 619],
        [505, 87886, 499, 87892],
        [29, 7470, 45, 7232],
        [17, 1699, 65, 1600],
        [186, 50448, 141, 27197],
        [5, 2493, 3, 2338],
        [27, 16886, 29, 17825],
    ]
)


def risk_ratios():
    a, b, c, d = BCG.T.astype(float)
    return np.log(a / (a + b)) - np.log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def test_the_example_of_metafor_comes_out_as_published():
    # Viechtbauer, J. Statistical Software 36(3), 2010, section 3.1: rma(yi, vi), REML.
    found = random_effects(*risk_ratios())
    assert found.mean == pytest.approx(-0.7145, abs=5e-5)
    assert found.tau2 == pytest.approx(0.3132, abs=5e-5)
    assert found.q == pytest.approx(152.2330, abs=5e-5)


def test_the_interval_is_that_of_statsmodels_at_the_same_variance_between_sources():
    # With equal variances of the effects restricted likelihood and Paule-Mandel agree.
    effect = np.random.default_rng(0).normal(size=9)
    found = random_effects(effect, np.full(9, 0.2))
    other = combine_effects(effect, np.full(9, 0.2), method_re="iterated", use_t=True)
    assert found.tau2 == pytest.approx(other.tau2, abs=1e-6)
    assert found.mean == pytest.approx(other.mean_effect_re)
    assert found.q == pytest.approx(other.q)
    assert found.i2 == pytest.approx(max(other.i2, 0))
    half = other.sd_eff_w_re_hksj * 2.306004
    assert found.ci == pytest.approx((found.mean - half, found.mean + half), abs=1e-5)


def test_sources_that_agree_have_no_variance_between_them():
    found = random_effects(np.full(5, 1.0), np.full(5, 0.3))
    assert (found.tau2, found.q, found.i2) == (0.0, 0.0, 0.0)
