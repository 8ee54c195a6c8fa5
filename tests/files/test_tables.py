"""Damaged tables end as one typed error, whoever reads them."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import medcnn
from medcnn.data.manifest import build_manifest, read_table
from medcnn.data.splits.file import apply_split
from medcnn.errors import DataError, UserError
from medcnn.evaluation.readers import read_readers
from medcnn.files.tables import read_csv
from medcnn.io.array import read_array
from medcnn.predictions import read_predictions
from medcnn.record.record import read_curves

spec = importlib.util.spec_from_file_location("mutations", Path(__file__).with_name("mutations.py"))
mutations = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutations)

CASES = pd.DataFrame(
    {
        "image_id": [f"i{row:02d}" for row in range(30)],
        "path": [f"images/{row:02d}.png" for row in range(30)],
        "label": [row % 2 for row in range(30)],
        "patient_id": [f"p{row // 2}" for row in range(30)],
        "split": [("train", "val", "test")[row % 3] for row in range(30)],
        "p_abnormal": np.linspace(0, 1, 30),
    }
)
CURVES = pd.DataFrame({"epoch": range(9), "train_loss": 0.5, "val_loss": 0.6, "lr": 1e-3})


def manifest(path):
    return build_manifest(read_table(path), source=path.name)


def split(path):
    return apply_split(build_manifest(CASES, source="m"), path)


READERS = {
    "manifest": (CASES, manifest),
    "predictions": (CASES, read_predictions),
    "readers": (CASES[["image_id", "label"]].assign(Ada=1), read_readers),
    "split": (CASES[["image_id", "split"]], split),
    "curves": (CURVES, read_curves),
}


def outcomes(content, read, path, count=105):
    """Return how many damaged files were read, and the errors of the others."""
    refused = []
    for index in range(count):
        path.write_bytes(mutations.mutated(content, index, seed=3))
        try:
            read(path)
        except UserError as error:
            refused.append(error)
    assert all(path.name in str(error) and error.exit_code == 2 for error in refused)
    return count - len(refused), refused


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_table_is_read_or_refused_by_name(tmp_path, name):
    table, read = READERS[name]
    read_well, refused = outcomes(
        table.to_csv(index=False).encode(), read, tmp_path / f"{name}.csv"
    )
    assert read_well
    assert refused


def test_a_damaged_parquet_file_is_read_or_refused_by_name(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "p.parquet"
    CASES.to_parquet(path)
    assert outcomes(path.read_bytes(), read_predictions, path)[1]


def test_a_damaged_archive_is_read_or_refused_by_name(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=np.zeros((3, 8, 8), np.uint8))
    content = path.read_bytes()
    assert outcomes(content, lambda file: read_array(f"{file}#images/1"), path, 300)[1]


def test_an_absent_file_is_named_by_what_it_is(tmp_path):
    with pytest.raises(DataError, match=r"There is no split file .*absent\.csv"):
        read_csv(tmp_path / "absent.csv", what="split file")
    with pytest.raises(DataError, match="not a readable CSV file"):
        read_csv(tmp_path)


def test_cells_beyond_the_header_do_not_shift_the_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("image_id,label\n007,1,\n008,0,\n")
    table = read_csv(path, text=("image_id",))
    assert table.to_dict("list") == {"image_id": ["007", "008"], "label": [1, 0]}


@pytest.mark.parametrize("blank", [True, False])
def test_empty_cells_are_missing_or_empty_text(tmp_path, blank):
    path = tmp_path / "a.csv"
    path.write_text("a,b\nNA,\n")
    table = read_csv(path, text=None, blank=blank)
    assert table.iloc[0].fillna("missing").tolist() == (["NA", ""] if blank else ["missing"] * 2)


def test_tables_are_read_in_one_place():
    root = Path(medcnn.__file__).parent
    calls = ("pd.read_csv(", "pd.read_parquet(", "pd.read_excel(", "pd.read_json(")
    readers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if any(call in path.read_text(encoding="utf-8") for call in calls)
    }
    assert readers <= {"files/tables.py", "files/sheets.py"}
