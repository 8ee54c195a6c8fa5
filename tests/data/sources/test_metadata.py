from __future__ import annotations

import pandas as pd
import pytest

from medcnn.data.sources.metadata import ages, check_choice, chosen_views, sexes, views
from medcnn.errors import ConfigError


def test_sexes():
    column = pd.Series(["M", "female", " F ", "Unknown", "", "nan"])
    assert sexes(column).tolist() == ["M", "F", "F", "", "", ""]


def test_ages_in_years_from_numbers_and_dicom_strings():
    found = ages(pd.Series(["58", "058Y", "006M", "414", "-1", "", "x"]))
    assert found[:3].tolist() == [58.0, 58.0, 0.5]
    assert found[3:].isna().all()


def test_views_in_one_spelling():
    column = pd.Series(["pa", "AP_horizontal", "L", "LL", "LATERAL", "UNK", None, "COSTAL"])
    expected = ["PA", "AP", "LATERAL", "LATERAL", "LATERAL", "", "", "COSTAL"]
    assert views(column).tolist() == expected


def test_views_that_are_not_frontal_are_left_out_and_counted():
    rows = pd.DataFrame({"view": ["PA", "AP", "", "LATERAL", "COSTAL", "LATERAL"]})
    kept, warnings = chosen_views(rows, "here", "frontal")
    assert kept["view"].tolist() == ["PA", "AP", ""]
    assert warnings == [
        "here: 3 of 6 images are not frontal views (LATERAL (2), COSTAL (1)) and were left out; "
        "data.source.views=all keeps them."
    ]
    everything, none = chosen_views(rows, "here", "all")
    assert len(everything) == 6
    assert none == []


def test_an_unknown_choice_names_the_choices():
    with pytest.raises(
        ConfigError, match=r"data\.source\.views cannot be 'side'(?s:.*)frontal or all"
    ):
        chosen_views(pd.DataFrame({"view": []}), "here", "side")
    check_choice("a", "x", ("a", "b"))
