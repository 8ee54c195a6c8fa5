import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from statsmodels.stats.proportion import proportion_confint

from medcnn.calibration.conformal import fit_conformal
from medcnn.calibration.fit import fit_calibrator
from medcnn.evaluation import conformal
from medcnn.evaluation.conformal import conformal_p_values, conformal_results, with_sets


def table(n, seed, *, moved=0.0):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.4).astype(int)
    site = rng.choice(["A", "B"], n)
    logit = rng.normal(np.where(label == 1, 1.5, -1.5), np.where(site == "B", 2.0, 1.0)) - moved
    names = [str(k) for k in range(n)]
    return pd.DataFrame(
        {
            "image_id": names,
            "patient_id": names,
            "label": label,
            "p_abnormal": expit(logit),
            "logit": logit,
            "site": site,
            "split": "test",
        }
    )


VAL, ROWS = table(400, 0), table(1500, 1)


def guarded(rows, method="class_conditional", alpha=0.1):
    _, new = conformal_p_values(VAL, rows, method, calibrator="platt")
    return with_sets(rows, new, alpha)


def test_results_count_what_the_column_says():
    rows = guarded(ROWS)
    found, warnings = conformal_results(rows, VAL, 0.1, "class_conditional", subgroups=["site"])
    held = np.where(ROWS["label"] == 1, "abnormal", "normal") == rows["conformal_set"]
    held |= rows["conformal_set"] == "both"
    assert found.coverage.value == pytest.approx(held.mean())
    low, high = proportion_confint(held.sum(), len(rows), method="wilson")
    assert found.coverage.ci == pytest.approx([low, high])
    assert sum(found.sets.values()) == len(rows)
    assert found.by_class["abnormal"].value == pytest.approx(held[ROWS["label"] == 1].mean())
    single = rows["conformal_set"].isin(["normal", "abnormal"])
    assert found.singleton_accuracy.value == pytest.approx(held[single].mean())
    sizes = rows["conformal_set"].map({"none": 0, "normal": 1, "abnormal": 1, "both": 2})
    assert found.mean_size.value == pytest.approx(sizes.mean())
    half = 1.96 * sizes.std() / np.sqrt(len(sizes))
    assert np.diff(found.mean_size.ci)[0] == pytest.approx(2 * half, rel=5e-3)
    assert [entry.group for entry in found.subgroups] == ["A", "B"]
    assert any("site B" in text and "not for each group" in text for text in warnings)
    assert not any("all cases" in text for text in warnings)


def test_cases_unlike_validation_are_said_to_break_the_promise():
    rows = guarded(table(1500, 2, moved=2.0))
    _, warnings = conformal_results(rows, VAL, 0.1, "class_conditional")
    assert any("of abnormal cases, less than the promised 0.9" in text for text in warnings)


@pytest.mark.parametrize("method", ["split", "class_conditional", "cross"])
def test_every_method_covers_new_cases(method):
    found, _ = conformal_results(guarded(ROWS, method), VAL, 0.1, method)
    assert 0.87 < found.coverage.value < 0.94


def test_cross_fits_on_other_patients_alone(monkeypatch):
    val = VAL.assign(patient_id=[str(k // 4) for k in range(len(VAL))])
    owner = dict(zip(val["logit"], val["patient_id"], strict=True))
    fitted = []

    def remembered(kind, logit, label):
        fitted.append(set(logit))
        return fit_calibrator(kind, logit, label)

    monkeypatch.setattr(conformal, "fit_calibrator", remembered)
    conformal_p_values(val, ROWS, "cross", calibrator="platt")
    assert len(fitted) == conformal.FOLDS
    for inside in fitted:
        outside = set(owner) - inside
        assert outside
        assert not {owner[logit] for logit in inside} & {owner[logit] for logit in outside}


def test_cross_keeps_patients_together_and_uses_every_validation_case():
    val = VAL.assign(patient_id=[str(k // 4) for k in range(len(VAL))])
    own, new = conformal_p_values(val, ROWS, "cross", calibrator="platt")
    assert own.shape == (400, 2)
    assert new.shape == (1500, 2)
    truth = own[np.arange(400), val["label"]]
    assert (truth > 0.1).mean() == pytest.approx(0.9, abs=0.03)
    # The rarest p-value tells how many calibration scores there are.
    assert new.min() >= 1 / 401 - 1e-12


def test_the_probabilities_before_a_correction_are_compared():
    plain = conformal_p_values(VAL, ROWS, "split", calibrator="none")[1]
    moved = ROWS.assign(p_before_shift=ROWS["p_abnormal"], p_abnormal=0.5)
    np.testing.assert_array_equal(
        conformal_p_values(VAL, moved, "split", calibrator="none")[1], plain
    )
    fitted = fit_conformal(VAL["p_abnormal"], VAL["label"], "split")
    np.testing.assert_array_equal(plain, fitted.p_values(ROWS["p_abnormal"]))


def test_too_few_validation_cases_are_named():
    val = VAL.iloc[:12]
    _, new = conformal_p_values(val, ROWS, "class_conditional", calibrator="none")
    rows = with_sets(ROWS, new, 0.05)
    found, warnings = conformal_results(rows, val, 0.05, "class_conditional")
    assert found.sets["both"] == len(rows)
    assert any("at least 19 are needed" in text for text in warnings)


def test_a_value_of_several_names_counts_in_each_of_them():
    rows = guarded(ROWS.assign(finding=np.where(ROWS["label"] == 1, "Mass|Effusion", "")))
    found, _ = conformal_results(rows, VAL, 0.1, "class_conditional", subgroups=["finding"])
    abnormal = int((ROWS["label"] == 1).sum())
    assert [(entry.group, entry.n) for entry in found.subgroups] == [
        ("Effusion", abnormal),
        ("Mass", abnormal),
    ]
