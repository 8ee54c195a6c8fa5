import pandas as pd
import pytest

from medcnn.data.manifest import COLUMNS, build_manifest, read_table
from medcnn.errors import DataError


def rows(**columns):
    return pd.DataFrame(
        {"image_id": ["a", "b"], "path": ["a.png", "b.png"], "label": [0, 1]} | columns
    )


def test_optional_columns_get_their_defaults():
    table = build_manifest(rows(), source="x").table
    assert tuple(table.columns) == COLUMNS
    assert table["patient_id"].tolist() == ["a", "b"]
    assert table["study_id"].tolist() == ["a", "b"]
    assert table["split"].tolist() == ["", ""]


def test_further_columns_are_kept_behind():
    table = build_manifest(rows(sex=["F", "M"]), source="x").table
    assert tuple(table.columns) == (*COLUMNS, "sex")


def test_a_missing_patient_is_the_image_itself_and_said():
    manifest = build_manifest(rows(patient_id=["p", None]), source="x")
    assert manifest.table["patient_id"].tolist() == ["p", "b"]
    assert "1 of 2 images name no patient" in manifest.warnings[0]
    assert "2 of 2 images name no patient" in build_manifest(rows(), source="x").warnings[0]
    assert build_manifest(rows(patient_id=["p", "p"]), source="x").warnings == ()


def test_labels_may_be_words():
    assert build_manifest(rows(label=["Normal", "abnormal"]), source="x").table[
        "label"
    ].tolist() == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [0, 2]}, "not 0 or 1"),
        ({"label": [0, None]}, "not 0 or 1"),
        ({"label": ["0", "pneumonia"]}, "not 0 or 1"),
        ({"label": [1, 1]}, "one class only"),
        ({"image_id": ["a", "a"]}, "stand twice"),
        ({"split": ["train", "dev"]}, "split named 'dev'"),
    ],
)
def test_bad_rows_are_refused(columns, message):
    with pytest.raises(DataError, match=message):
        build_manifest(rows(**columns), source="x")


def test_an_absent_column_and_an_empty_table_are_refused():
    with pytest.raises(DataError, match="lacks the column 'label'"):
        build_manifest(rows().drop(columns="label"), source="x")
    with pytest.raises(DataError, match="has no images"):
        build_manifest(rows().iloc[:0], source="x")


def test_relative_paths_are_resolved_against_the_file(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("image_id,path,label\n01,a.png,0\n02,/b.png,1\n")
    table = read_table(path)
    assert table["path"].tolist() == [str(tmp_path / "a.png"), "/b.png"]
    assert table["image_id"].tolist() == ["01", "02"]


def test_writing_and_reading_keeps_the_rows(tmp_path):
    manifest = build_manifest(rows(path=["/a.png", "/b.png"]), source="x")
    manifest.write(tmp_path / "m.csv")
    again = build_manifest(read_table(tmp_path / "m.csv"), source="x")
    pd.testing.assert_frame_equal(again.table, manifest.table)
