from __future__ import annotations

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
