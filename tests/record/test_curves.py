import pytest

from medcnn.errors import DataError
from medcnn.record.record import read_curves


def test_every_column_is_a_number(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,train_loss,val_auroc\n0,0.7,\n1,nan,0.9\n")
    table = read_curves(path)
    assert table["epoch"].tolist() == [0, 1]
    assert table["train_loss"].isna().tolist() == [False, True]
    assert set(table.dtypes.astype(str)) <= {"int64", "float64"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no learning curves"),
        ("epoch,train_loss\n", "no epoch"),
        ("epoch,train_loss\n0,high\n", "1 values of train_loss that are not numbers"),
        ("\x00\x01", "learning curves"),
    ],
)
def test_what_holds_no_curves_is_refused(tmp_path, content, message):
    path = tmp_path / "metrics.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_curves(path)
