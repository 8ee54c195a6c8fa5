import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import recall_score, roc_auc_score
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from medcnn.errors import UserError
from medcnn.evaluation.cautions import of_gaps
from medcnn.evaluation.subgroups import (
    difference,
    group_names,
    members,
    subgroup_results,
)
from medcnn.metrics.proportions import proportion


def test_groups_have_their_own_measures(table):
    found = subgroup_results(table, ["sex"], 0.5)
    assert [entry.group for entry in found] == ["F", "M"]
    rows = table[table["sex"] == "F"]
    assert found[0].n == len(rows)
    assert found[0].sensitivity.value == pytest.approx(
        recall_score(rows["label"], rows["p_abnormal"] >= 0.5)
    )
    assert found[0].auroc.value == pytest.approx(roc_auc_score(rows["label"], rows["p_abnormal"]))
    calibrated = found[0].calibration
    assert calibrated.mean_p.value == pytest.approx(rows["p_abnormal"].mean())
    assert 0 < calibrated.ece.value < 0.5 and calibrated.ece.ci is None


def test_gaps_are_fishers_and_corrected_once_for_two_groups(table):
    found = subgroup_results(table, ["sex"], 0.5)
    cells = []
    for sex in ("F", "M"):
        rows = table[(table["sex"] == sex) & (table["label"] == 1)]
        right = int((rows["p_abnormal"] >= 0.5).sum())
        cells.append([right, len(rows) - right])
    gap = found[0].gaps["sensitivity"]
    assert gap.p_value == pytest.approx(stats.fisher_exact(cells).pvalue)
    raw = [found[0].gaps[name].p_value for name in ("sensitivity", "specificity", "auroc")]
    expected = multipletests(raw, method="holm")[1]
    corrected = [gap.p_holm for gap in found[0].gaps.values()]
    np.testing.assert_allclose(corrected, expected)
    assert [gap.p_holm for gap in found[1].gaps.values()] == corrected
    assert found[0].gaps["auroc"].difference.value == pytest.approx(
        -found[1].gaps["auroc"].difference.value
    )


def test_difference_is_newcombes_as_in_statsmodels():
    found = difference(proportion(56, 70), proportion(48, 80))
    expected = confint_proportions_2indep(56, 70, 48, 80, method="newcomb")
    assert found.ci == pytest.approx(expected, abs=1e-9)
    # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, (a): 0.0524 to 0.3339.
    assert found.ci == pytest.approx((0.0524, 0.3339), abs=6e-5)


def test_a_gap_that_survives_is_said_and_small_groups_are_marked():
    rng = np.random.default_rng(0)
    n = 900
    label = rng.integers(0, 2, n)
    site = np.where(np.arange(n) < 880, rng.choice(["A", "B"], n), "C")
    p = np.clip(label * 0.6 + 0.2 + rng.normal(0, 0.1, n), 0, 1)
    p = np.where((site == "B") & (label == 1), 0.3, p)
    table = pd.DataFrame(
        {"label": label, "p_abnormal": p, "patient_id": np.arange(n).astype(str), "site": site}
    )
    found = subgroup_results(table, ["site"], 0.5)
    said = of_gaps(found)
    assert any(text.startswith("sensitivity of site=B differs") for text in said)
    small = int(table.loc[table["site"] == "C", "label"].sum())
    assert found[2].small is (min(small, 20 - small) < 10)
    sentence = "Fewer than 10 cases of a class in site=C: read with care."
    assert (sentence in said) is found[2].small


def test_ages_go_into_bands_and_dicom_ages_are_read():
    ages = pd.Series(["007Y", "018M", "045Y", "", "81"], name="age")
    assert group_names(ages).tolist() == ["0-17", "0-17", "40-59", "missing", "80+"]


def test_numbers_go_into_quarters_and_many_names_into_other():
    quarters = group_names(pd.Series(np.arange(100), name="dose"))
    assert quarters.value_counts().tolist() == [25] * 4
    many = pd.Series([f"site {k % 30}" for k in range(60)], name="site")
    assert group_names(many).nunique() == 20
    assert "other" in set(group_names(many))


def test_an_image_with_two_findings_stands_in_both_groups(table):
    rng = np.random.default_rng(4)
    names = np.array(["Mass", "Effusion|Mass", "Effusion| Nodule"])
    drawn = rng.choice(names, len(table))
    table = table.assign(finding=np.where(table["label"] == 1, drawn, "No Finding"))
    found = {entry.group: entry for entry in subgroup_results(table, ["finding"], 0.5)}
    assert list(found) == ["Effusion", "Mass", "No Finding", "Nodule"]
    rows = table[table["finding"].str.contains("Mass")]
    assert found["Mass"].n == len(rows)
    assert found["Mass"].sensitivity.value == pytest.approx((rows["p_abnormal"] >= 0.5).mean())
    assert found["Mass"].specificity.value is None
    assert found["Mass"].small is False
    assert found["Mass"].calibration is None
    gap = found["Mass"].gaps["sensitivity"]
    others = table[(table["label"] == 1) & ~table["finding"].str.contains("Mass")]
    expected = (rows["p_abnormal"] >= 0.5).mean() - (others["p_abnormal"] >= 0.5).mean()
    assert gap.difference.value == pytest.approx(expected)


def test_many_findings_keep_the_most_frequent():
    column = pd.Series([f"F{k % 30}|Common" for k in range(90)] + ["F0|F1"] * 5, name="finding")
    found = members(column)
    assert len(found) == 20
    assert found["Common"].sum() == 90
    assert found["F1"].sum() == 8


def test_a_column_of_one_value_has_no_gaps_and_an_unknown_one_is_refused(table):
    alone = subgroup_results(table.assign(site="A"), ["site"], 0.5)
    assert alone[0].gaps == {}
    with pytest.raises(UserError, match="column of the predictions"):
        subgroup_results(table, ["sx"], 0.5)
