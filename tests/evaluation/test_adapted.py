import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from medcnn.evaluation.adapted import cases_needed, paired_changes
from medcnn.evaluation.elsewhere import at_home
from medcnn.metrics.comparison import paired_difference
from medcnn.metrics.thresholds import Threshold


def table(seed, n=200, shift=0.0):
    rng = np.random.default_rng(0)
    label = (rng.random(n) < 0.3).astype(int)
    logit = rng.normal(size=n) + 3 * label - 1.5 + shift
    names = [str(row) for row in range(n)]
    frame = {"image_id": names, "patient_id": names, "label": label, "split": "test"}
    return pd.DataFrame(frame | {"p_abnormal": 1 / (1 + np.exp(-logit))})


def test_changes_are_paired_and_after_minus_before():
    before, after = table(0, shift=1.5), table(0)
    found = paired_changes(before, 0.5, after, 0.5, 0.95)
    normal = (after["label"] == 0).to_numpy()
    right = [(each["p_abnormal"] < 0.5).to_numpy()[normal].astype(int) for each in (after, before)]
    assert found["specificity"] == paired_difference(*right)
    assert found["specificity"].value > 0 > found["sensitivity"].value


@pytest.mark.parametrize("width", [0.05, 0.1])
def test_so_many_cases_make_the_interval_that_narrow(width):
    shown = at_home(table(0), Threshold(0.5, "youden"), "val", 0.95)
    needed = cases_needed(shown, width, 0.95)
    for name, n in (("sensitivity", needed.positives), ("specificity", needed.negatives)):
        value = min(getattr(shown, name).value, 0.98)
        wide = [
            np.diff(proportion_confint(value * count, count, method="wilson"))[0]
            for count in (n - 1, n)
        ]
        assert wide[1] <= width + 1e-9 < wide[0] + 2e-9
    assert needed.total * shown.prevalence >= needed.positives - 1
