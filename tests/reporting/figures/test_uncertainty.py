import numpy as np
import pytest

from medcnn.metrics.uncertainty import risk_coverage as measured
from medcnn.reporting.figures.uncertainty import right_and_wrong, risk_coverage
from medcnn.reporting.wording import Wording

EN = Wording("en")


def test_the_curve_ends_at_the_error_rate_and_never_beats_the_bound():
    rng = np.random.default_rng(0)
    wrong = rng.random(500) < 0.2
    doubt = rng.random(500) + wrong * 0.5
    figure = risk_coverage(doubt, wrong, EN)
    ours, bound = (line.get_data() for line in figure.axes[0].get_lines()[:2])
    assert ours[1][-1] == pytest.approx(wrong.mean())
    assert (ours[1] >= bound[1] - 1e-12).all()
    coverage, risk = measured(wrong.astype(float), doubt)
    assert ours[1] == pytest.approx(np.interp(ours[0], coverage, risk))


def test_doubt_that_never_varies_is_drawn_all_the_same():
    figure = right_and_wrong(np.zeros(4), np.array([True, False, False, False]), "Entropy", EN)
    assert figure.axes[0].get_xlabel() == "Entropy"
    assert len(figure.axes[0].containers) == 2
