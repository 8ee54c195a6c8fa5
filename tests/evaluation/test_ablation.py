import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from medcnn.evaluation.ablation import ablations, fewer


@pytest.fixture
def p():
    rng = np.random.default_rng(0)
    return rng.uniform(0.02, 0.98, (3, 2, 4, 60))


@pytest.mark.parametrize(
    ("axes", "names"),
    [
        ((1, 1, 1), []),
        ((3, 1, 1), ["one_member", "all_members"]),
        ((1, 2, 1), ["one_member", "all_views"]),
        ((1, 1, 4), ["one_pass", "all_passes"]),
        ((3, 2, 1), ["one_member", "all_views", "all_members", "all_members_and_views"]),
        (
            (3, 2, 4),
            ["one_pass", "all_passes", "all_views", "all_members", "all_members_and_views"],
        ),
    ],
)
def test_what_is_not_there_is_left_out(p, axes, names):
    m, v, s = axes
    found = fewer(p[:m, :v, :s])
    assert list(found) == names
    if names:
        np.testing.assert_allclose(found[names[-1]], p[:m, :v, :s].mean((0, 1, 2)))


def test_the_figures_are_those_of_scikit_learn(p):
    label = np.random.default_rng(1).integers(0, 2, 60)
    table = pd.DataFrame({"label": label, "patient_id": np.arange(60) // 2})
    found = {row.part: row for row in ablations(table, fewer(p))}
    whole = p.mean((0, 1, 2))
    row = found["all_members_and_views"]
    assert row.auroc.value == pytest.approx(roc_auc_score(label, whole))
    assert row.nll.value == pytest.approx(log_loss(label, whole))
    assert row.auroc.method == "delong-clustered"
    assert row.nll.ci[0] < row.nll.value < row.nll.ci[1]
