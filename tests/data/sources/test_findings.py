from __future__ import annotations

import csv

import pandas as pd
import pytest

from medcnn.data.sources.chexpert_labels import OBSERVATIONS
from medcnn.data.sources.findings import (
    CHESTMNIST,
    TABLE_FILE,
    canonical,
    describe,
    kind,
    known,
    label_of,
    labelled,
    table,
)

# Wang et al. 2017, table 1, as Data_Entry_2017.csv spells them.
NIH = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis"),
    *(
        "Hernia",
        "Infiltration",
        "Mass",
        "Nodule",
        "Pleural_Thickening",
        "Pneumonia",
        "Pneumothorax",
    ),
)
# Nguyen et al. 2022, table 2: 22 local and 6 global labels without No finding.
VINDR = (
    *("Aortic enlargement", "Atelectasis", "Cardiomegaly", "Calcification", "Clavicle fracture"),
    *("Consolidation", "Edema", "Emphysema", "Enlarged PA", "ILD", "Infiltration", "Lung cavity"),
    *("Lung cyst", "Lung Opacity", "Mediastinal shift", "Nodule/Mass", "Pulmonary fibrosis"),
    *("Pneumothorax", "Pleural thickening", "Pleural effusion", "Rib fracture", "Other lesion"),
    *("Lung tumor", "Pneumonia", "Tuberculosis", "Other diseases", "COPD"),
)


def test_the_file_lists_each_canonical_name_once_with_a_meaning():
    with TABLE_FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["finding"] for row in rows]
    assert len(names) == len(set(names)) == len(table())
    assert all(name == canonical(name) for name in names)
    assert {row["meaning"] for row in rows} == {"normal", "abnormal", "neutral"}
    assert all(row["releases"] for row in rows)


@pytest.mark.parametrize("names", [NIH, VINDR, CHESTMNIST, OBSERVATIONS[1:-1]])
def test_every_pathology_of_the_releases_is_known_as_abnormal(names):
    assert [known(name) for name in names] == ["abnormal"] * len(names)


@pytest.mark.each(
    ("name", "meaning"),
    [
        ("No Finding", "normal"),
        (" NO_FINDING ", "normal"),
        ("Support Devices", "neutral"),
        ("pacemaker", "neutral"),
        ("Opacity/lung/base/left", "abnormal"),
        ("Medical Device", "neutral"),
        ("a word that no table holds", "abnormal"),
    ],
)
def test_meaning(name, meaning):
    assert kind(name) == meaning


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["No Finding"], 0),
        (["normal", "Mass"], 1),
        (["normal", "pacemaker"], None),
        (["pacemaker"], None),
        ([""], None),
        ([], None),
    ],
)
def test_label(names, label):
    assert label_of(names) == label


def test_neutral_rows_are_left_out_and_said():
    rows = pd.DataFrame(
        {"image_id": list("abcd"), "finding": ["Mass|Nodule", "Pacemaker", "normal", ""]}
    )
    found = labelled(rows, "here", "rule")
    assert found.table["image_id"].tolist() == ["a", "c"]
    assert found.table["label"].tolist() == [1, 0]
    assert found.policy == "rule; found: normal: normal (1); abnormal: Mass (1), Nodule (1)"
    assert found.warnings == (
        "here: 2 of 4 images are neither normal nor abnormal by their findings "
        "(Pacemaker (1)) and were left out.",
    )


def test_an_unknown_name_is_abnormal_and_said_where_the_vocabulary_is_closed():
    rows = pd.DataFrame({"finding": ["normal", "Mystery"]})
    closed, opened = labelled(rows, "here", "r"), labelled(rows, "here", "r", closed=False)
    assert closed.table["label"].tolist() == opened.table["label"].tolist() == [0, 1]
    assert "Mystery (1) not in the table of findings" in closed.warnings[0]
    assert opened.warnings == ()


def test_a_label_of_the_source_is_kept():
    rows = pd.DataFrame({"finding": ["Mass", ""], "label": [0.0, 1.0]})
    assert labelled(rows, "here", "r").table["label"].tolist() == [0, 1]


def test_a_long_vocabulary_is_cut():
    text = describe(pd.DataFrame({"finding": [f"finding {i}" for i in range(15)]}))
    assert text.endswith("and 3 more")
    assert describe(pd.DataFrame({"finding": [""]})) == "no finding named"
