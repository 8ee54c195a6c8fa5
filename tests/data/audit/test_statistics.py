import pandas as pd

from medcnn.data.audit.statistics import by_split, first_names


def test_each_split_has_its_classes_sizes_and_kinds():
    table = pd.DataFrame(
        {
            "split": ["train", "train", "train", "val"],
            "patient_id": ["a", "a", "b", "c"],
            "label": [0, 1, 1, 0],
            "view": ["PA", "", "PA", "AP"],
        },
        index=[5, 6, 7, 8],
    )
    facts = pd.DataFrame(
        {
            "rows": [10, 20, 60, None],
            "columns": [10, 10, 10, None],
            "bits": [8, 12, 8, None],
            "kind": ["png", "dicom", "png", None],
        }
    )
    train, val, test = by_split(table, facts)
    assert (train["images"], train["patients"], train["abnormal"]) == (3, 2, 2)
    assert train["prevalence"] == 2 / 3
    assert train["rows"] == {"min": 10, "median": 20, "max": 60}
    assert train["kinds"] == {"png": 2, "dicom": 1}
    assert train["views"] == {"PA": 2, "unknown": 1}
    assert val["rows"] is None
    assert (test["images"], test["prevalence"]) == (0, None)


def test_sentences_agree_in_number_and_quote_three_names():
    assert first_names("unreadable", []) == []
    assert first_names("unreadable", ["a"]) == ["1 file is not readable: a."]
    five = first_names("unreadable", list("abcde"))
    assert five == ["5 files are not readable: a, b, c and 2 more."]
