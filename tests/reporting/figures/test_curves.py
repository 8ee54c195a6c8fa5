import numpy as np
import pytest
from sklearn.metrics import auc, roc_curve
from statsmodels.stats.proportion import proportion_confint

from medcnn.evaluation.readers import ReaderResults
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.figures.curves import Scored, precision_recall, roc, two_curves
from medcnn.reporting.wording import Wording

EN = Wording("en")
POINT = Estimate(0.8, (0.7, 0.9), "")


def simulated(n=400, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    return label, 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * label - 0.7)))


def drawn(label, score, owner=None, level=0.95, readers=()):
    side = Scored("", label, score, POINT, POINT, Estimate(0.9, None, ""))
    return roc(side, owner, level, EN, readers)


def reader(name, sensitivity, specificity):
    own = {"sensitivity": sensitivity, "specificity": specificity, "kappa": None}
    measured = {key: Estimate(value, None, "") for key, value in own.items()}
    return ReaderResults(name=name, n=1, **measured, model_minus_reader={}, mcnemar={}, p_holm={})


def lines(figure):
    return {line.get_label(): line for line in figure.axes[0].get_lines()}


@pytest.mark.parametrize("n", [60, 30_000])
def test_the_curve_drawn_is_the_curve_measured(n):
    label, score = simulated(n)
    figure = drawn(label, score)
    x, y = lines(figure)["ROC curve, AUROC 0.900"].get_data()
    fpr, tpr, _ = roc_curve(label, score)
    assert auc(x, y) == pytest.approx(auc(fpr, tpr), abs=2e-3)
    assert len(x) <= 801


def test_the_band_is_wilsons_at_each_specificity():
    label, score = simulated(60)
    figure = drawn(label, score, level=0.9)
    band = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    hits = np.round(roc_curve(label, score)[1] * label.sum())
    low, high = proportion_confint(hits, label.sum(), alpha=0.1, method="wilson")
    assert band.min() == pytest.approx(low.min(), abs=1e-9)
    assert band.max() == pytest.approx(high.max(), abs=1e-9)


def band_area(label, score, copies, owner):
    """Return the area of the band around the curve of ``copies`` images of each case."""
    label, score = np.repeat(label, copies), np.repeat(score, copies)
    figure = drawn(label, score, owner, 0.9)
    x, y = figure.axes[0].collections[0].get_paths()[0].vertices.T
    return abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2


def test_the_band_counts_patients_rather_than_images():
    cases = simulated(200)
    once = band_area(*cases, 1, None)
    assert band_area(*cases, 4, np.repeat(np.arange(200), 4)) == pytest.approx(once, rel=0.1)
    assert band_area(*cases, 4, None) == pytest.approx(once / 2, rel=0.1)


def test_readers_stand_at_their_points_and_once_in_the_legend():
    label, score = simulated()
    readers = [
        reader("A$b$", 0.9, 0.8),
        reader("Ben", 0.7, 0.95),
        reader("nobody", None, 0.5),
    ]
    figure = drawn(label, score, readers=readers)
    axes = figure.axes[0]
    diamonds = [line for line in axes.get_lines() if line.get_marker() == "D"]
    points = [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in diamonds]
    assert points == [pytest.approx((0.2, 0.9)), pytest.approx((0.05, 0.7))]
    assert [text.get_text() for text in axes.texts] == ["A$b$", "Ben"]
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert named.count("reader") == 1


def test_a_side_of_decisions_is_a_point_without_a_curve():
    label, score = simulated()
    sides = [
        Scored("model", label, score, POINT, POINT, Estimate(0.9, None, "")),
        Scored("Ada", label, (score > 0.5).astype(float), POINT, POINT, Estimate(None, None, "")),
    ]
    found = lines(two_curves(sides, EN))
    assert len(found["model, AUROC 0.900"].get_xdata()) > 10
    assert len(found["Ada"].get_xdata()) == 1


def test_one_class_alone_draws_no_curve_and_does_not_fail():
    label, score = np.zeros(20, dtype=np.int64), np.linspace(0, 1, 20)
    empty = Estimate(None, None, "")
    roc(Scored("", label, score, empty, POINT, empty), None, 0.95, EN)
    figure = precision_recall(label, score, empty, empty, empty, EN)
    assert "average precision" not in " ".join(lines(figure))
