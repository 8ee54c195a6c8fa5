import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import norm
from sklearn import metrics as sk

from medcnn.metrics.areas import average_precision_estimate, partial_auroc_estimate
from medcnn.metrics.bootstrap import bootstrap
from medcnn.metrics.cells import CellMetrics, reduce_to_cells
from medcnn.metrics.estimate import by_cluster


def partial(label, p, **options):
    return partial_auroc_estimate(label, p, 0.1, **options)


ESTIMATES = {"average_precision": average_precision_estimate, "partial_auroc": partial}


def test_values_are_scikit_learns(cases):
    label, p = cases
    found = average_precision_estimate(label, p)
    assert found.value == pytest.approx(sk.average_precision_score(label, p))
    for bound in (0.05, 0.1, 0.4):
        found = partial_auroc_estimate(label, p, bound)
        assert found.value == pytest.approx(sk.roc_auc_score(label, p, max_fpr=bound))


def leave_one_out(label, p):
    """Return the standard error of the average precision by the jackknife, with scikit-learn."""
    n = len(label)
    left = [sk.average_precision_score(np.delete(label, k), np.delete(p, k)) for k in range(n)]
    return np.sqrt((n - 1) ** 2 / n * np.var(left))


def error_of(estimate, *cases, **options):
    """Return the standard error of a number whose interval is symmetric on the logit scale.

    Of a narrow interval, Student's quantile and the normal one are nearly the same.
    """
    found = estimate(*cases, level=0.1, **options)
    return np.ptp(logit(found.ci)) / 2 * found.value * (1 - found.value) / norm.ppf(0.55)


def test_average_precision_has_the_standard_error_of_the_jackknife(cases):
    found = error_of(average_precision_estimate, *cases)
    assert found == pytest.approx(leave_one_out(*cases), rel=0.02)


@pytest.mark.parametrize("name", list(ESTIMATES))
@pytest.mark.parametrize("images", [1, 4])
def test_standard_errors_are_those_of_the_bootstrap(name, images):
    rng = np.random.default_rng(8)
    patients = 1200 // images
    cluster = np.repeat(np.arange(patients), images)
    label = (rng.random(patients) < 0.3).astype(np.int64)[cluster]
    score = 1.5 * label + rng.normal(size=patients)[cluster] + 0.5 * rng.normal(size=len(cluster))
    p = np.round(1 / (1 + np.exp(-score)), 3)
    owner = None if images == 1 else cluster
    cells = reduce_to_cells(label, p, 0.5, owner)
    found = ESTIMATES[name](label, p, cluster=owner)
    metrics = CellMetrics(cells)

    def one(weights):
        return {name: metrics.comparable(weights)[name]}

    drawn = bootstrap(one, cells.sample, replicates=800)[name]
    assert found.value == pytest.approx(drawn.value)
    expected = drawn.width / (2 * norm.ppf(0.975))
    assert error_of(ESTIMATES[name], label, p, cluster=owner) == pytest.approx(expected, rel=0.12)
    assert found.method == by_cluster("jackknife-logit", owner)


@pytest.mark.parametrize("estimate", ESTIMATES.values())
def test_separated_classes_have_the_bound_that_the_smaller_class_leaves(estimate):
    label = np.repeat([0, 1], [30, 12])
    found = estimate(label, label * 0.5 + 0.2)
    assert found.value == 1.0
    assert found.ci == pytest.approx((0.025 ** (1 / 12), 1.0))
    clustered = estimate(label, label * 0.5 + 0.2, cluster=np.arange(42) // 3)
    assert clustered.ci == pytest.approx((0.025 ** (1 / 4), 1.0))


@pytest.mark.parametrize("estimate", ESTIMATES.values())
def test_an_absent_class_leaves_it_undefined(estimate):
    found = estimate(np.ones(4, int), np.linspace(0, 1, 4))
    assert (found.value, found.note) == (None, "no normal case")
    assert estimate(np.zeros(4, int), np.linspace(0, 1, 4)).note == "no abnormal case"
    of_patients = estimate(np.ones(4, int), np.linspace(0, 1, 4), cluster=np.arange(4) // 2)
    assert of_patients.method == "jackknife-logit-clustered"
