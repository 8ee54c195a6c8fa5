import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from medcnn.calibration.settings import Safeguards
from medcnn.errors import DataError
from medcnn.evaluation.results import evaluate
from medcnn.evaluation.safeguards import safeguard, safeguard_files, with_safeguards
from medcnn.files.records import to_json
from medcnn.metrics.thresholds import Threshold

AT = Threshold(0.5, "youden", "val")
ALL = Safeguards(alpha=0.1, refer="10%", prior_shift="em")


def table(n, prevalence, seed, split="test"):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < prevalence).astype(int)
    logit = 2 * rng.normal(np.where(label == 1, 1, -1), 1)
    names = [f"{split}{k}" for k in range(n)]
    return pd.DataFrame(
        {
            "image_id": names,
            "patient_id": names,
            "label": label,
            "split": split,
            "p_abnormal": expit(logit),
            "logit": logit,
            "sex": rng.choice(["F", "M"], n),
        }
    )


VAL, ROWS = table(500, 0.5, 0, "val"), table(600, 0.2, 1)


def test_all_safeguards_together_fill_table_and_results():
    safeguarded = safeguard(VAL, ROWS, AT, ALL)
    assert {"conformal_set", "referred", "p_before_shift"} <= set(safeguarded.table)
    results = with_safeguards(evaluate(safeguarded.table, AT), safeguarded, subgroups=["sex"])
    assert results.conformal.coverage.value > 0.85
    assert results.prior_shift.predictive_values.prevalence == pytest.approx(0.2, abs=0.05)
    assert results.uncertainty.referral.referred == safeguarded.table["referred"].sum()
    assert any("corrected from validation's prevalence" in text for text in results.warnings)
    json.dumps(to_json(results), allow_nan=False)


def test_no_safeguard_reads_the_labels_of_the_rows():
    for method in ("split", "class_conditional", "cross"):
        asked = Safeguards("em", 0.1, method, "npv>=0.95", "conformal")
        found = safeguard(VAL, ROWS, AT, asked).table.drop(columns="label")
        blind = safeguard(VAL, ROWS.drop(columns="label"), AT, asked).table
        pd.testing.assert_frame_equal(found, blind)


def test_nothing_asked_changes_nothing_and_needs_no_validation():
    safeguarded = safeguard(None, ROWS, AT, Safeguards())
    assert safeguarded.table is ROWS
    results = evaluate(ROWS, AT)
    assert with_safeguards(results, safeguarded) == results
    with pytest.raises(DataError, match="fitted on validation, and there is none"):
        safeguard(VAL.iloc[:0], ROWS, AT, ALL)


def test_a_correction_made_earlier_is_repeated():
    rows = safeguard(VAL, ROWS, AT, ALL).table
    safeguarded = safeguard(VAL, rows, AT, Safeguards(alpha=0.2))
    assert "was corrected for another prevalence" in safeguarded.warnings[0]
    pd.testing.assert_series_equal(
        safeguarded.table["conformal_set"],
        safeguard(VAL, ROWS, AT, Safeguards(alpha=0.2)).table["conformal_set"],
    )


def test_files_keep_their_order_and_unreadable_ones_their_reason():
    files = ROWS[["image_id", "patient_id", "p_abnormal"]].head(200).astype({"p_abnormal": object})
    files = files.assign(
        decision=np.where(files["p_abnormal"] >= 0.5, "abnormal", "normal"),
        threshold=0.5,
        error=None,
    )
    files.loc[[3, 7], ["p_abnormal", "decision"]] = None
    files.loc[[3, 7], "error"] = "is not an image"
    found, warnings = safeguard_files(VAL, files, ALL)
    assert found["image_id"].tolist() == files["image_id"].tolist()
    empty = found.loc[[3, 7], ["p_abnormal", "decision", "conformal_set", "referred"]]
    assert empty.isna().to_numpy().all()
    assert found.loc[3, "error"] == "is not an image"
    read = found.drop(index=[3, 7])
    assert read["conformal_set"].isin(["normal", "abnormal", "both", "none"]).all()
    assert ((read["p_abnormal"].astype(float) >= 0.5) == (read["decision"] == "abnormal")).all()
    assert (read["p_abnormal"].astype(float) <= read["p_before_shift"]).all()
    assert "corrected from" in warnings[0]
    assert safeguard_files(None, files, Safeguards())[0] is files


def test_a_foreign_file_is_referred_whatever_its_doubt():
    files = ROWS[["image_id", "patient_id", "p_abnormal"]].assign(threshold=0.5, decision="")
    files["out_of_distribution"] = 0
    certain = files["p_abnormal"].sub(0.5).abs().idxmax()
    files.loc[certain, "out_of_distribution"] = 1
    found, _ = safeguard_files(VAL, files, Safeguards(refer="10%"))
    plain, _ = safeguard_files(
        VAL, files.drop(columns="out_of_distribution"), Safeguards(refer="10%")
    )
    assert found.loc[certain, "referred"] == 1
    assert plain.loc[certain, "referred"] == 0
    assert found["referred"].sum() == plain["referred"].sum() + 1


def test_a_file_on_the_threshold_is_called_abnormal():
    files = pd.DataFrame({"p_abnormal": [0.5, 0.4999], "threshold": 0.5, "decision": "?"})
    done, _ = safeguard_files(VAL, files, Safeguards(alpha=0.1))
    assert done["decision"].tolist() == ["abnormal", "normal"]
