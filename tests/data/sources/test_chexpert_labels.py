from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medcnn.data.sources.chexpert_labels import OBSERVATIONS, label_observations, rule
from medcnn.errors import ConfigError


def observations(**values: str) -> pd.DataFrame:
    row = dict.fromkeys(OBSERVATIONS, "")
    return pd.DataFrame([row | {name.replace("_", " "): value for name, value in values.items()}])


@pytest.mark.each(
    ("values", "labels"),
    [
        # What the row says, and its label by u_ones, u_zeros and u_ignore.
        ({"Edema": "1.0"}, (1, 1, 1)),
        ({"No_Finding": "1.0"}, (0, 0, 0)),
        ({"No_Finding": "1.0", "Support_Devices": "1.0"}, (0, 0, 0)),
        ({"Edema": "-1.0"}, (1, 0, np.nan)),
        ({"Edema": "-1.0", "Pneumonia": "1.0"}, (1, 1, 1)),
        ({"Edema": "-1", "No_Finding": "1"}, (1, 0, np.nan)),
        ({"Edema": "0.0"}, (np.nan, np.nan, np.nan)),
        ({"Support_Devices": "1.0"}, (np.nan, np.nan, np.nan)),
        ({}, (np.nan, np.nan, np.nan)),
    ],
)
def test_the_policies_for_uncertain_labels(values, labels):
    for policy, label in zip(("u_ones", "u_zeros", "u_ignore"), labels, strict=True):
        found = label_observations(observations(**values), policy)["label"].iloc[0]
        np.testing.assert_equal(found, float(label), err_msg=policy)


def test_findings_are_those_that_count_as_present():
    row = observations(Edema="-1.0", Fracture="1.0", Support_Devices="1.0")
    assert label_observations(row, "u_ones")["finding"].tolist() == [
        "Edema|Fracture|Support Devices"
    ]
    assert label_observations(row, "u_zeros")["finding"].tolist() == ["Fracture|Support Devices"]


def test_the_index_is_kept():
    table = pd.concat([observations(Edema="1"), observations(No_Finding="1")])
    table.index = pd.Index([7, 3])
    assert label_observations(table, "u_ones")["label"].to_dict() == {7: 1.0, 3: 0.0}


def test_an_unknown_policy():
    with pytest.raises(ConfigError, match="u_ones or u_zeros or u_ignore"):
        label_observations(observations(), "u_twos")
    assert rule("u_zeros").endswith("uncertain findings count as absent")
