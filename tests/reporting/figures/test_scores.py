import numpy as np
import pytest

from medcnn.reporting.figures.scores import confusion, histogram, reliability
from medcnn.reporting.wording import Wording

EN = Wording("en")


def test_the_matrix_prints_counts_and_shares_of_the_reference():
    figure = confusion({"tp": 70, "fp": 16, "tn": 96, "fn": 7}, EN)
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said == [
        "7",
        "false negative · 9.1%",
        "70",
        "true positive · 90.9%",
        "96",
        "true negative · 85.7%",
        "16",
        "false positive · 14.3%",
    ]


def test_reliability_bins_hold_equal_numbers_and_the_observed_share():
    score = np.linspace(0.005, 0.995, 100)
    label = (np.arange(100) % 10 < 3).astype(np.int64)
    figure = reliability(label, score, None, 0.95, EN)
    stated, observed = figure.axes[0].get_lines()[1].get_data()
    assert stated == pytest.approx(score.reshape(10, 10).mean(axis=1))
    assert observed == pytest.approx([0.3] * 10)


def test_reliability_counts_patients_rather_than_images():
    rng = np.random.default_rng(4)
    score = rng.random(200)
    label = (rng.random(200) < score).astype(np.int64)
    heights = []
    for k, owner in ((1, None), (3, np.repeat(np.arange(200), 3))):
        figure = reliability(np.repeat(label, k), np.repeat(score, k), owner, 0.95, EN)
        bars = figure.axes[0].collections[0].get_segments()
        heights.append(np.array([np.ptp(bar[:, 1]) for bar in bars]))
    # Copies of an image tell nothing new: the bars stay, but for Student's quantile of 20 patients.
    assert heights[1] == pytest.approx(heights[0], rel=0.12)


def test_a_class_that_is_absent_is_not_in_the_legend():
    figure = histogram(np.zeros(5, dtype=np.int64), np.linspace(0, 1, 5), 0.5, EN)
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["threshold", "normal (n = 5)"]
