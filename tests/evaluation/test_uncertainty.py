import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from medcnn.evaluation.uncertainty import Uncertainty, uncertainty_of


def doubtful(n=200):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, n)
    p = np.clip(label * 0.5 + rng.normal(0.25, 0.25, n), 0, 1)
    p[:6], label[:6] = 0.5, 1  # on the threshold
    return pd.DataFrame(
        {
            "patient_id": np.arange(n) // 2,
            "label": label,
            "p_abnormal": p,
            "entropy": 1 - np.abs(p - 0.5),
        }
    )


def test_finding_errors_is_an_auroc_of_doubt():
    table = doubtful()
    found, warnings = uncertainty_of(table, 0.5)
    wrong = (table["p_abnormal"] >= 0.5) != (table["label"] == 1)
    assert found.entropy.error_auroc.value == pytest.approx(roc_auc_score(wrong, table["entropy"]))
    tenth = found.entropy.rejection[1]
    assert tenth.referred == 20
    assert tenth.risk_after.value < tenth.risk_before.value
    assert found.entropy.mean_wrong.value == pytest.approx(table["entropy"][wrong].mean())
    for estimate in (found.entropy.mean_right, tenth.risk_after, tenth.errors_caught):
        assert estimate.method.endswith("-clustered")
    assert warnings == []


def test_a_column_with_gaps_is_left_out_and_named():
    table = doubtful()
    table.loc[3, "entropy"] = np.nan
    assert uncertainty_of(table, 0.5) == (
        Uncertainty(),
        ["The column entropy lacks 1 values and was left out."],
    )
