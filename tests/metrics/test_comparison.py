import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss, f1_score, matthews_corrcoef
from statsmodels.stats.contingency_tables import mcnemar as reference
from statsmodels.stats.multitest import multipletests

from medcnn.metrics.bootstrap import Sample, bootstrap
from medcnn.metrics.cells import CellMetrics, reduce_to_cells
from medcnn.metrics.comparison import (
    holm,
    mcnemar,
    non_inferior,
    paired_cell_bootstrap,
    paired_difference,
)
from medcnn.metrics.estimate import Estimate


def pairs(both, first, second, neither):
    """Return two sets of right (1) and wrong (0) decisions with these counts."""
    counts = [both, first, second, neither]
    return np.repeat([1, 1, 0, 0], counts), np.repeat([1, 0, 1, 0], counts)


@pytest.mark.parametrize(("first", "second"), [(10, 3), (3, 10), (5, 5), (0, 6), (121, 59)])
def test_mcnemar_agrees_with_statsmodels(first, second):
    found = mcnemar(*pairs(20, first, second, 7))
    table = [[20, first], [second, 7]]
    assert found.exact == pytest.approx(reference(table, exact=True).pvalue)
    plain = reference(table, exact=False, correction=False)
    assert found.asymptotic == pytest.approx(plain.pvalue)
    assert (found.only_first, found.only_second) == (first, second)


def test_mcnemar_textbook_example():
    # Agresti, Categorical Data Analysis (2002), table 10.1: approval of the prime minister in two
    # surveys; z² = (86 - 150)² / 236 = 17.36, p = 0.00003.
    found = mcnemar(*pairs(794, 150, 86, 570))
    assert found.asymptotic == pytest.approx(3.1e-5, abs=1e-6)


def test_mid_p_of_fagerland():
    # Fagerland, Lydersen and Laake, BMC Med Res Methodol 13 (2013) 91, table 1 (Bentur et al. 2009):
    # 7 against 1 discordant pairs; exact p 0.070, mid-p 0.039, asymptotic p 0.034.
    found = mcnemar(*pairs(1, 7, 1, 12))
    assert found.exact == pytest.approx(0.070, abs=5e-4)
    assert found.mid_p == pytest.approx(0.039, abs=5e-4)
    assert found.asymptotic == pytest.approx(0.034, abs=5e-4)


def test_no_discordant_pair_is_no_evidence():
    found = mcnemar(*pairs(4, 0, 0, 2))
    assert (found.exact, found.mid_p, found.asymptotic) == (1.0, 1.0, 1.0)


def test_paired_difference_prints_what_newcombe_prints():
    # Newcombe, Statistics in Medicine 17 (1998) 2635-2650, method 10 on the pairs 36, 12, 2, 0.
    assert paired_difference(*pairs(36, 12, 2, 0)).ci == pytest.approx((0.0569, 0.3404), abs=6e-5)


def test_paired_difference_reverses_and_survives_its_edges():
    forward, back = paired_difference(*pairs(9, 5, 1, 4)), paired_difference(*pairs(9, 1, 5, 4))
    assert forward.value == -back.value
    assert forward.ci == pytest.approx((-back.ci[1], -back.ci[0]))
    assert paired_difference(*pairs(10, 0, 0, 0)).value == 0.0
    assert paired_difference(np.array([]), np.array([])).value is None


def test_holm_agrees_with_statsmodels_and_leaves_the_undefined_alone():
    p_values = {"a": 0.01, "b": 0.04, "c": None, "d": 0.03, "e": 0.005, "f": 0.6}
    found = holm(p_values)
    known = [p for p in p_values.values() if p is not None]
    expected = multipletests(known, method="holm")[1]
    np.testing.assert_allclose([p for p in found.values() if p is not None], expected)
    assert found["c"] is None and list(found) == list(p_values)


def test_non_inferiority_is_read_off_the_lower_end():
    difference = Estimate(-0.01, (-0.04, 0.02), "newcombe-paired")
    assert non_inferior(difference, 0.05) is True
    assert non_inferior(difference, 0.03) is False
    assert non_inferior(Estimate(None, None, "delong-paired"), 0.05) is None
    with pytest.raises(ValueError, match="must be positive"):
        non_inferior(difference, 0.0)


def two_scores(n=300):
    rng = np.random.default_rng(8)
    label = rng.integers(0, 2, n)
    common = rng.normal(size=n) + 1.3 * label
    return label, *(
        1 / (1 + np.exp(-(common + rng.normal(scale=0.6, size=n) - 0.6))) for _ in range(2)
    )


def paired_bootstrap(metric, label, first, second, **options):
    """Return the difference of any metric that takes case weights: one Python call a replicate."""
    n = len(label)

    def difference(weights):
        found = [metric(label, first, row[:n]) - metric(label, second, row[n:]) for row in weights]
        return {"difference": np.array(found)}

    both = Sample(np.arange(2 * n), 2 * n, np.tile(np.arange(n), 2))
    return bootstrap(difference, both, suffix="-paired", **options)["difference"]


def test_cell_bootstrap_agrees_with_the_slow_one_on_any_metric():
    label, first, second = two_scores(120)
    metrics = [CellMetrics(reduce_to_cells(label, p, 0.5)) for p in (first, second)]
    quick = paired_cell_bootstrap(metrics[0], metrics[1], replicates=100, seed=1)
    for name, score in (("f1", f1_score), ("mcc", matthews_corrcoef)):

        def metric(y, p, w, score=score):
            return score(y, p >= 0.5, sample_weight=w)

        slow = paired_bootstrap(metric, label, first, second, replicates=100, seed=1)
        assert quick[name].value == pytest.approx(slow.value)
        assert quick[name].ci == pytest.approx(slow.ci, abs=1e-9)
    assert quick["f1"].method == "bootstrap-bca-paired"


def test_pairing_narrows_the_interval_of_a_proper_score():
    label, first, second = two_scores()

    def brier(y, p, w):
        return brier_score_loss(y, p, sample_weight=w)

    paired = paired_bootstrap(brier, label, first, second, replicates=400)
    losses = (first - label) ** 2, (second - label) ** 2
    unpaired = 2 * 1.96 * np.sqrt(sum(loss.var() / len(label) for loss in losses))
    assert paired.value == pytest.approx(losses[0].mean() - losses[1].mean())
    assert paired.width < 0.8 * unpaired


def test_clusters_are_drawn_whole_for_both():
    label, first, second = two_scores(120)
    cluster = np.repeat(np.arange(30), 4)
    metrics = [CellMetrics(reduce_to_cells(label, p, 0.5, cluster)) for p in (first, second)]
    found = paired_cell_bootstrap(metrics[0], metrics[1], replicates=300)
    assert found["mcc"].method == "bootstrap-bca-paired-clustered"


def grouped(patients=60, images=3, seed=4):
    """Return right and wrong decisions of two models that share a patient's difficulty."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(patients), images)
    hard = rng.beta(4, 1.5, patients)[cluster]
    first = (rng.random(len(cluster)) < hard).astype(int)
    second = (rng.random(len(cluster)) < hard * 0.9).astype(int)
    return first, second, cluster


def test_clustered_mcnemar_is_the_plain_statistic_where_patients_have_one_image():
    first, second = pairs(20, 12, 5, 23)
    found = mcnemar(first, second, np.arange(60))
    z2 = (12 - 5) ** 2 / (12 + 5) * 59 / 60
    assert found.clustered == pytest.approx(stats.chi2.sf(z2, 1))
    assert found.p_value == found.clustered
    assert mcnemar(first, second).p_value == found.mid_p


def test_an_image_taken_twice_tells_nothing_new():
    first, second = pairs(20, 12, 5, 23)
    twice = np.tile(np.arange(60), 2)
    once, again = (
        mcnemar(first, second, np.arange(60)),
        mcnemar(np.tile(first, 2), np.tile(second, 2), twice),
    )
    assert again.clustered == pytest.approx(once.clustered)
    assert again.mid_p < 0.6 * once.mid_p
    plain = paired_difference(first, second)
    kept = paired_difference(np.tile(first, 2), np.tile(second, 2), cluster=twice)
    assert kept.ci == pytest.approx(plain.ci, abs=4e-3)
    # Student's quantile for 60 patients against the normal one, and 60 / 59 of the variance.
    assert kept.width / plain.width == pytest.approx(2.001 / 1.96 * np.sqrt(60 / 59), rel=5e-3)
    assert kept.note == "effective sample size 59 of 120"


def test_clustered_difference_has_the_width_of_a_patient_bootstrap():
    first, second, cluster = grouped(300)
    found = paired_difference(first, second, cluster=cluster)
    rng = np.random.default_rng(0)
    lead = (first - second).reshape(300, 3)
    drawn = lead[rng.integers(300, size=(2000, 300))].mean(axis=(1, 2))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.width == pytest.approx(high - low, rel=0.08)


def test_counts_that_round_past_their_sum_are_no_error():
    first, second = np.ones(57, int), np.ones(57, int)
    second[[3, 4, 5, 20, 21]] = 0
    cluster = np.repeat(np.arange(19), 3)
    for shift in range(57):
        rolled = paired_difference(first, np.roll(second, shift), cluster=cluster)
        assert rolled.value == pytest.approx(5 / 57)


def test_one_patient_alone_and_no_difference_are_answered():
    same = np.ones(6, int)
    assert mcnemar(same, same, np.zeros(6, int)).clustered == 1.0
    one = mcnemar(np.array([1, 1, 0]), np.array([0, 0, 0]), np.zeros(3, int))
    assert one.clustered == 1.0
