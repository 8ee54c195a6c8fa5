from __future__ import annotations

import pandas as pd
import pytest

from medcnn.data.sources.manifest_csv import read
from medcnn.errors import DataError


def test_relative_paths_start_at_the_file(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("image_id,path,label,patient_id,sex\n1,a/1.png,0,007,F\n2,/abs/2.png,1,008,M\n")
    manifest = read(path)
    assert manifest.table["path"].tolist() == [str(tmp_path / "a/1.png"), "/abs/2.png"]
    assert manifest.table["patient_id"].tolist() == ["007", "008"]
    assert manifest.table["sex"].tolist() == ["F", "M"]
    assert manifest.source == "m.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_id,path,label\n1,a,0\n2,b,2\n", "labels that are not 0 or 1"),
        ("image_id,path,label\n1,a,0\n1,b,1\n", "stand twice"),
        ("image_id,path,label\n1,a,0\n2,b,0\n", "one class only"),
        ("image_id,label\n1,0\n", "lacks the column 'path'"),
        ("image_id,path,label\n", "has no images"),
        ("", "not a readable CSV"),
    ],
)
def test_what_is_no_manifest(tmp_path, text, message):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read(path)


def test_a_folder_lists_its_tables(tmp_path):
    (tmp_path / "m.csv").write_text("x")
    with pytest.raises(DataError, match=r"found: m\.csv"):
        read(tmp_path)


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="There is no manifest"):
        read(tmp_path / "m.csv")


HEAD = "image_id,path,label,patient_id\n"


def sixty(spell):
    return HEAD + "".join(f"i{i},{i}.png,{i // 2 % 2},{spell(i)}\n" for i in range(60))


@pytest.mark.parametrize("mark", [" ", "\u00a0", "\u200b", "\ufeff", "\0", "\u3000"])
def test_a_patient_is_one_however_the_name_is_padded(tmp_path, mark):
    (tmp_path / "m.csv").write_text(sixty(lambda i: f"q{i // 2}{mark * (i % 2)}"))
    assert read(tmp_path / "m.csv").table["patient_id"].nunique() == 30


def test_patients_who_differ_by_capitals_are_said(tmp_path):
    (tmp_path / "m.csv").write_text(sixty(lambda i: f"{'qQ'[i % 2]}{i // 2}"))
    manifest = read(tmp_path / "m.csv")
    (told,) = [text for text in manifest.warnings if "capitals" in text]
    assert "60 identifiers of patients differ from another by capitals alone" in told
    assert manifest.doubts == (told,)


def test_rows_that_name_no_image_are_left_out_and_counted(tmp_path):
    rows = ["a,a.png,0,p", "b,b.png,1,q", "c,,1,r", "d,NA,0,s", ",e.png,0,t", ",,,", ",,,"]
    (tmp_path / "m.csv").write_text(HEAD + "\n".join(rows) + "\n")
    manifest = read(tmp_path / "m.csv")
    assert manifest.table["image_id"].tolist() == ["a", "b"]
    assert manifest.left_out == {
        "row without a path": 2,
        "row without an image_id": 1,
        "empty row": 2,
    }
    assert "m.csv: 2 of 5 rows have no path (line 4, 5) and were left out." in manifest.warnings
    absent = "2 of 2 files in the column path are not there"
    assert any(absent in text for text in manifest.warnings)


def test_columns_labels_and_masks_as_people_write_them(tmp_path):
    (tmp_path / "a.png").touch()
    rows = "Image ID;Path;Label;PatientID;mask_path\n1;a;Normal;007;a.png\n2;b.png;Pneumonia;8;\n"
    (tmp_path / "m.csv").write_text(rows)
    table = read(tmp_path / "m.csv").table
    assert table["label"].tolist() == [0, 1]
    assert table["patient_id"].tolist() == ["007", "8"]
    assert table["path"].iloc[0] == table["mask_path"].iloc[0] == str(tmp_path / "a.png")
    assert table["mask_path"].isna().tolist() == [False, True]


def test_the_headers_name_patients_whom_the_table_does_not(tmp_path, write_dicom):
    for row in range(8):
        write_dicom(tmp_path / f"{row}.dcm", PatientID=f"P{row // 2} ", StudyDate="20200101")
    rows = "".join(f"i{row},{row}.dcm,{row % 2}\n" for row in range(8))
    (tmp_path / "m.csv").write_text("image_id,path,label\n" + rows)
    manifest = read(tmp_path / "m.csv")
    assert manifest.table["patient_id"].tolist() == [f"P{row // 2}" for row in range(8)]
    assert manifest.table["date"].tolist() == ["20200101"] * 8
    assert manifest.warnings == ()


def test_a_table_of_ones_own_is_understood_and_told(tmp_path):
    rows = "Datei;Diagnose;Alter\na.png;No Finding;61,5\nb/b.png;Pneumonia | Effusion;7\n"
    (tmp_path / "liste.csv").write_bytes(rows.replace("Datei", "Prüfbild").encode("cp1252"))
    told = {"path": "Prüfbild", "label": "Diagnose", "view": None}
    manifest = read(tmp_path / "liste.csv", told, images=tmp_path / "images")
    table = manifest.table
    assert table["image_id"].tolist() == ["a.png", "b/b.png"]
    assert table["path"].tolist() == [
        str(tmp_path / "images" / name) for name in ("a.png", "b/b.png")
    ]
    assert table["label"].tolist() == [0, 1]
    assert table["Alter"].tolist() == [61.5, 7.0]
    assert manifest.label_policy == (
        "liste.csv: path from 'Prüfbild', label from 'Diagnose', patient_id from DICOM headers where "
        "there are any; normal: No Finding (1); abnormal: Pneumonia | Effusion (1)"
    )


def test_names_that_people_give_are_found_but_those_of_the_manifest_go_first(tmp_path):
    (tmp_path / "m.csv").write_text(
        "file,path,finding,Subject ID\nx,a.png,normal,1\ny,b.png,mass,2\n"
    )
    table = read(tmp_path / "m.csv").table
    assert table["path"].map(lambda text: text[-5:]).tolist() == ["a.png", "b.png"]
    assert table["patient_id"].tolist() == ["1", "2"]
    assert table["label"].tolist() == [0, 1]
    assert table["file"].tolist() == ["x", "y"]


def test_one_column_may_be_two_things(tmp_path):
    (tmp_path / "m.csv").write_text("scan,label\nS1_a.png,0\nS2_a.png,1\n")
    table = read(tmp_path / "m.csv", {"path": "scan", "patient_id": "scan"}).table
    assert table["patient_id"].tolist() == table["image_id"].tolist() == ["S1_a.png", "S2_a.png"]


def test_rows_without_a_label_are_left_out(tmp_path):
    (tmp_path / "m.csv").write_text("path,label\na.png,normal\nb.png,\nc.png,mass\n")
    manifest = read(tmp_path / "m.csv")
    assert len(manifest) == 2
    assert manifest.left_out == {"row without a label": 1}


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("datei,label\na,0\n", {"path": "Datei"}, r"did you mean data\.columns\.path=datei\?"),
        ("x,label\na,0\n", {}, r"say which column it is: data\.columns\.path=NAME"),
        ("path,y\na,0\n", {}, r"say which column it is: data\.columns\.label=NAME"),
        ("path,label\na,0\na,1\n", {}, "lists 1 images more than once(.|\n)*a again in line 3"),
    ],
)
def test_what_is_not_understood_says_what_to_write(tmp_path, text, columns, message):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "m.csv", columns)


def test_a_parquet_manifest_is_read_as_a_csv_one(tmp_path):
    text = "image_id,path,label,patient_id,sex\n1,a/1.png,0,007,F\n2,/abs/2.png,1,008,M\n"
    (tmp_path / "m.csv").write_text(text)
    pd.read_csv(tmp_path / "m.csv", dtype={"patient_id": str}).to_parquet(tmp_path / "m.parquet")
    left, right = (read(tmp_path / f"m.{kind}").table for kind in ("csv", "parquet"))
    pd.testing.assert_frame_equal(left, right)


def test_addresses_are_to_be_mounted(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("image_id,path,label\n1,s3://bucket/1.png,0\n2,b.png,1\n")
    with pytest.raises(DataError, match=r"path in m\.csv is no path(.|\n)*mount it"):
        read(path)
