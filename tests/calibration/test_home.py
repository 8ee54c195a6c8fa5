import numpy as np
import pytest

from medcnn.calibration.home import MOST, Home, kept_rows
from medcnn.errors import DataError
from medcnn.run.directory import RunDir


def home(n=5, d=3):
    rng = np.random.default_rng(0)
    keys = tuple(rng.bytes(15) + b"x" for _ in range(7))  # NumPy drops trailing zeros
    return Home(rng.normal(size=(n, d)).astype(np.float32), np.arange(n), keys)


def test_what_was_kept_is_read_again(tmp_path):
    kept = home()
    kept.save(tmp_path / "home.npz")
    again = Home.of(RunDir(tmp_path))
    np.testing.assert_array_equal(again.features, kept.features)
    np.testing.assert_array_equal(again.rows, kept.rows)
    assert again.keys == kept.keys


def test_a_run_of_an_earlier_version_keeps_none(tmp_path):
    assert Home.of(RunDir(tmp_path)) is None


@pytest.mark.parametrize("spoil", ["cut", "rows", "nan", "other"])
def test_a_damaged_record_is_told_in_words(tmp_path, spoil):
    path, kept = tmp_path / "home.npz", home()
    if spoil == "rows":
        Home(kept.features, kept.rows[:2], kept.keys).save(path)
    elif spoil == "nan":
        Home(kept.features * np.nan, kept.rows, kept.keys).save(path)
    elif spoil == "other":
        np.savez(path, mean=np.zeros(3))
    else:
        kept.save(path)
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="home"):
        Home.load(path)


def test_of_many_validation_images_some_are_drawn_once_each():
    assert kept_rows(5, 0).tolist() == [0, 1, 2, 3, 4]
    many = kept_rows(3 * MOST, 1)
    assert len(set(many.tolist())) == MOST and (np.diff(many) > 0).all()
    assert many.mean() == pytest.approx(1.5 * MOST, rel=0.05)
