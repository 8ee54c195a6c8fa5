import pandas as pd
import pytest

from medcnn.data.manifest import build_manifest
from medcnn.data.splits.file import apply_split, write_split
from medcnn.errors import DataError

TABLE = pd.DataFrame(
    {"image_id": ["a", "007", "c"], "path": "x.png", "label": [0, 1, 0], "patient_id": list("pqr")}
)


def manifest():
    return build_manifest(TABLE.assign(split=["train", "val", "test"]), source="x")


def test_identifiers_stay_text(tmp_path):
    write_split(manifest(), tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text().splitlines()[2] == "007,val"
    given = apply_split(build_manifest(TABLE, source="x"), tmp_path / "s.csv")
    assert given.table["split"].tolist() == ["train", "val", "test"]
    assert given.warnings == ()


def test_images_that_only_the_file_names_are_counted(tmp_path):
    write_split(manifest(), tmp_path / "s.csv")
    less = build_manifest(TABLE[:2], source="x")
    given = apply_split(less, tmp_path / "s.csv")
    assert given.table["split"].tolist() == ["train", "val"]
    assert "names 1 images that the data set does not have" in given.warnings[-1]


@pytest.mark.each(
    ("text", "message"),
    [
        (None, "There is no split file"),
        ("", "not a readable CSV"),
        ("image,split\na,train\n", "is not a split file"),
        ("image_id,split\na,train\n007,dev\nc,test\n", "names a split 'dev'"),
        ("image_id,split\na,train\n007,\nc,test\n", "names a split ''"),
        ("image_id,split\na,train\na,val\n007,val\nc,test\n", "names 1 images twice"),
        ("image_id,split\na,train\nc,test\n", "does not name 1 of the 3"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "s.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        apply_split(manifest(), tmp_path / "s.csv")
