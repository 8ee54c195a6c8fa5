"""A run in memory answers as ``medcnn predict`` does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

import medcnn
from medcnn.errors import DataError, ImageError, WeightsError


@pytest.fixture(scope="module")
def model(trained_run):
    return medcnn.Run(trained_run).model("cpu")


@pytest.fixture(scope="module")
def files(easy_data):
    folder = Path(easy_data[1].removeprefix("data.root=")).parent
    return [folder / f"{index}.png" for index in range(6)]


def test_an_answer_is_that_of_predict(model, trained_run, files, tmp_path):
    asked = [f"run={trained_run.path}", f"input={files[0].parent}", f"output={tmp_path / 'p.csv'}"]
    table = medcnn.predict([*asked, "device=cpu", "exact=true", "refer=10%", "alpha=0.1"])
    rows = table.set_index("image_id")
    for file in files:
        answer, row = model(file), rows.loc[file.name]
        assert answer.p_abnormal == pytest.approx(row["p_abnormal"], abs=1e-6)
        assert (answer.decision, answer.referred) == (row["decision"], bool(row["referred"]))
        assert answer.conformal_set == row["conformal_set"]
        assert (answer.low, answer.high) == pytest.approx((row["p_low"], row["p_high"]), abs=1e-6)
        assert answer.foreign is None  # the shared run keeps no detector
        assert answer.threshold == model.threshold


def test_pixels_are_answered_as_their_file_is(model, files):
    pixels = cv2.imread(str(files[0]), cv2.IMREAD_GRAYSCALE)
    expected = model(files[0]).p_abnormal
    for given in (pixels, pixels / 255.0, pixels.astype(np.uint16) * 257):
        assert model(given).p_abnormal == pytest.approx(expected, abs=1e-6)


def test_threads_get_the_answers_of_one(model, files):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(model, files)) == [model(file) for file in files]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (np.zeros((3, 8, 8)), "float64 of shape 3×8×8"),
        (np.full((8, 8), 300.0), "from 300 to 300"),
        (np.zeros((8, 8), np.int32), "int32"),
        (np.zeros((0, 8)), "shape 0×8"),
        (np.full((8, 8), np.nan), "from nan to nan"),
    ],
)
def test_an_array_that_is_no_image_is_refused(model, given, found):
    with pytest.raises(DataError, match="no image that a run can be asked about") as refused:
        model(given)
    assert found in refused.value.found


def test_a_file_that_is_none_ends_in_its_own_error(model, tmp_path):
    with pytest.raises(ImageError, match="there is no such file"):
        model(tmp_path / "absent.png")


def test_an_unfinished_run_has_no_model(trained_run, tmp_path):
    (tmp_path / "config.yaml").write_bytes(trained_run.config.read_bytes())
    with pytest.raises(WeightsError, match="is not finished"):
        medcnn.Run(tmp_path).model()
