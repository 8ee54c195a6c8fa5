import gzip
import zipfile

import pandas as pd
import pytest

from medcnn.errors import DataError
from medcnn.files.sheets import read_sheet

PLAIN = "id,path,age\n007,a.png,1.5\nÄ1,b.png,2\n"


def typed(path):
    return read_sheet(path).typed(identifiers=["id"], text=["path"]).reset_index(drop=True)


@pytest.mark.each(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("cp1252"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        PLAIN.replace(",", ";").replace("1.5", "1,5").encode(),
        b"sep=;\r\n" + PLAIN.replace(",", ";").encode(),
        PLAIN.replace("\n", ",\n").encode(),
        PLAIN.replace("age\n", "age,,\n").encode(),
        PLAIN.replace("007", '" 007\u00a0"').encode(),
        (PLAIN + "\n,,,\n,,\n").encode(),
    ],
)
def test_every_spelling_of_a_table_is_the_same_table(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    table = typed(tmp_path / "t.csv")
    assert table.to_dict("list") == {
        "id": ["007", "Ä1"],
        "path": ["a.png", "b.png"],
        "age": [1.5, 2.0],
    }


def test_compressed_files_and_parquet_are_read_alike(tmp_path):
    with gzip.open(tmp_path / "t.csv.gz", "wt", encoding="utf-8") as file:
        file.write(PLAIN)
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", PLAIN)
    table = pd.DataFrame({"id": [1.0, None], "path": ["a", "b"], "age": [1, 2]})
    table.to_parquet(tmp_path / "t.parquet")
    assert typed(tmp_path / "t.csv.gz")["id"].tolist() == ["007", "Ä1"]
    assert typed(tmp_path / "t.zip")["id"].tolist() == ["007", "Ä1"]
    assert typed(tmp_path / "t.parquet")["id"].fillna("none").tolist() == ["1", "none"]


def test_rows_keep_their_lines_and_empty_ones_are_counted(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n1,"x\ny"\n,\n\n2,z\n')
    sheet = read_sheet(tmp_path / "t.csv")
    assert sheet.table.index.tolist() == [3, 6]
    assert sheet.blank == 1


def test_a_code_page_is_said(tmp_path):
    (tmp_path / "t.csv").write_bytes(PLAIN.encode("cp1252"))
    assert read_sheet(tmp_path / "t.csv").notes == ("t.csv is not UTF-8 and was read as cp1252.",)


@pytest.mark.each(
    ("content", "message"),
    [
        (b"", "found: an empty file"),
        (b"a,b\n1,2,3\n", "line 2 has more cells than there are columns"),
        (b"a,a\n1,2\n", "two columns named 'a'"),
        (b"PK\x03\x04xx", "save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
        (b"a,b\n\x81\x8d,1\n", "text in neither"),
        (b'a,b\n"' + b"x" * 2**21, "line 2: field larger"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_sheet(tmp_path / "t.csv")
    with pytest.raises(DataError, match="There is no table"):
        read_sheet(tmp_path / "absent.csv")
