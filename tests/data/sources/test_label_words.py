from __future__ import annotations

import pandas as pd
import pytest

from medcnn.data.sources.label_words import labels_of
from medcnn.errors import DataError


def labels(*cells, **said):
    return labels_of(pd.Series(cells), "m.csv", **said).column.tolist()


def test_words_that_everybody_knows():
    assert labels("Normal", "No Finding", "negative", "0", "false") == [0] * 5
    assert labels("pneumonia", "Lung Opacity", "COVID-19", "1.0", "yes", "Pneumonie") == [1] * 6


def test_several_findings_in_a_cell():
    assert labels("Effusion|Mass", "Nodule, Pneumonia", "edema and effusion") == [1, 1, 1]


def test_the_users_word_goes_before_the_known_one_and_may_be_a_number():
    assert labels("2", "0", "Pneumonia", normal=["pneumonia"], abnormal=["2"]) == [1, 0, 0]


def test_an_empty_cell_has_no_label():
    found = labels_of(pd.Series(["normal", None]), "m.csv").column
    assert found.tolist()[0] == 0
    assert found.isna().tolist() == [False, True]


def test_what_was_understood_is_counted():
    found = labels_of(pd.Series(["normal", "mass", "Mass", "mass"]), "m.csv")
    assert found.policy() == "normal: normal (1); abnormal: mass (2), Mass (1)"


@pytest.mark.parametrize("cell", ["shadow left", "Pacemaker", "No Finding, Pneumonia", "uncertain"])
def test_a_word_that_may_mean_either_is_refused_with_all_words(cell):
    with pytest.raises(DataError) as refused:
        labels("normal", "normal", cell)
    assert refused.value.found == f"normal (2), {cell} (1); not clear: {cell} (1)"
    assert "data.source.abnormal=" in refused.value.remedy
    assert "data.source.normal=" in refused.value.remedy


def test_one_word_cannot_be_both():
    with pytest.raises(DataError, match="both normal and abnormal"):
        labels("x", normal=["x"], abnormal=["X"])
