import numpy as np
import pandas as pd
import pytest

from medcnn.errors import DataError
from medcnn.predictions import check_predictions, read_predictions, write_predictions


def test_a_bare_table_gets_its_defaults():
    table = check_predictions(pd.DataFrame({"label": [0, 1], "p_abnormal": [0.2, 0.9]}))
    assert table["image_id"].tolist() == ["0", "1"]
    assert table["patient_id"].tolist() == ["0", "1"]
    assert table["split"].tolist() == ["test", "test"]


def test_identifiers_stay_text(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("image_id,patient_id,label,p_abnormal\n007,0012,1,0.5\n")
    table = read_predictions(path)
    assert table["image_id"].tolist() == ["007"]
    assert table["patient_id"].tolist() == ["0012"]


def test_round_trip_keeps_nine_digits_and_puts_the_contract_first(tmp_path):
    table = pd.DataFrame({"sex": ["F"], "p_abnormal": [0.123456789], "label": [1]})
    write_predictions(check_predictions(table), tmp_path / "p.csv")
    header = (tmp_path / "p.csv").read_text().splitlines()[0]
    assert header == "image_id,patient_id,label,split,p_abnormal,sex"
    assert read_predictions(tmp_path / "p.csv")["p_abnormal"].tolist() == [0.123456789]


@pytest.mark.each(
    ("text", "message"),
    [
        ("label,p\n1,0.5\n", "lacks the column 'p_abnormal'"),
        ("label,p_abnormal\n", "has no rows"),
        ("label,p_abnormal\n2,0.5\n", "not 0 or 1"),
        ("label,p_abnormal\n,0.5\n", "not 0 or 1"),
        ("label,p_abnormal\n1,1.5\n", "not probabilities"),
        ("label,p_abnormal\n1,\n", "not probabilities"),
        ("", "not a readable CSV"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, message):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_predictions(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="There is no predictions file"):
        read_predictions(tmp_path / "absent.csv")


def test_a_missing_probability_is_told_from_a_logit(tmp_path):
    bare = pd.DataFrame({"label": [0, 1], "p_abnormal": [0.5, np.nan]})
    with pytest.raises(DataError, match=r"(?s)an empty cell in data row 2.*drop or predict"):
        check_predictions(bare)
    with pytest.raises(DataError, match=r"(?s)found: 1.5 in data row 2.*logistic"):
        check_predictions(bare.fillna(1.5))


FOREIGN = "file,mrn,y_true,score,label\n007,0012,1,0.5,ignored\n008,0012,0,0.25,ignored\n"
NAMES = {"label": "y_true", "p_abnormal": "score", "image_id": "file", "patient_id": "mrn"}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_columns_of_another_framework_are_named(tmp_path, kind):
    path = tmp_path / f"p.{kind}"
    path.write_text(FOREIGN)
    if kind == "parquet":
        pytest.importorskip("pyarrow")
        pd.read_csv(path, dtype={"file": str}).to_parquet(path)
    table = read_predictions(path, {**NAMES, "split": None})
    assert table["image_id"].tolist() == ["007", "008"]
    assert table["patient_id"].tolist() == (["0012"] * 2 if kind == "csv" else ["12"] * 2)
    assert table["label"].tolist() == [1, 0]
    assert table["p_abnormal"].tolist() == [0.5, 0.25]
    assert not {"y_true", "score", "file", "mrn"} & {*table}


def test_one_column_may_stand_for_two(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("case,label,p_abnormal\n01,1,0.5\n")
    table = read_predictions(path, {"image_id": "case", "patient_id": "case"})
    assert table[["image_id", "patient_id"]].to_numpy().tolist() == [["01", "01"]]


def test_foreign_names_are_listed_with_the_option_that_says_which_is_which(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(FOREIGN.replace(",label", ",extra"))
    with pytest.raises(DataError, match=r"lacks the columns 'label' and 'p_abnormal'") as caught:
        read_predictions(path)
    assert "file, mrn, y_true, score, extra" in str(caught.value)
    assert "columns.label=NAME columns.p_abnormal=NAME" in str(caught.value)
    with pytest.raises(DataError, match="lacks the column 'y_tru'"):
        read_predictions(path, {"label": "y_tru", "p_abnormal": "score"})


def test_labels_may_be_the_words_that_predict_writes(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("label,p_abnormal\nAbnormal,0.5\nnormal,0.5\n")
    assert read_predictions(path)["label"].tolist() == [1, 0]
    path.write_text("label,p_abnormal\nPNEUMONIA,0.5\n")
    with pytest.raises(DataError, match="labels that are not 0 or 1") as caught:
        read_predictions(path)
    assert "'PNEUMONIA'" in str(caught.value)
