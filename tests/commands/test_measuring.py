import numpy as np
import pandas as pd
import pytest

from medcnn.commands.measuring import measured
from medcnn.commands.settings import Evaluate
from medcnn.errors import DataError
from medcnn.metrics.thresholds import Threshold


def table(split):
    p = np.linspace(0.05, 0.95, 40)
    names = [f"i{row}" for row in range(40)]
    return pd.DataFrame(
        {
            "image_id": names,
            "patient_id": names,
            "label": (p > 0.4).astype(int),
            "p_abnormal": p,
            "split": split,
        }
    )


def test_only_the_split_that_is_asked_for_counts_and_notes_come_first():
    both = pd.concat([table("val"), table("test")], ignore_index=True)
    rows, results = measured(
        both, Threshold(0.5, "youden"), Evaluate(subgroups=()), None, ["first"], None
    )
    assert set(rows["split"]) == {"test"} and results.n == 40
    assert results.warnings[0] == "first"
    assert results.confusion.fn == (rows["label"] & (rows["p_abnormal"] < 0.5)).sum()


def test_a_split_without_cases_names_those_there_are():
    with pytest.raises(DataError, match="split=val"):
        measured(table("val"), Threshold(0.5, "youden"), Evaluate(), None, (), None)
