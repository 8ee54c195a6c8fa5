from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medcnn.data.acquisition.files import file_numbers, size_numbers
from medcnn.data.cache.cache import build_cache


@pytest.fixture
def files(tmp_path):
    """Return paths and cache of a fine JPEG, a coarse one, a tall one in colour, and a PNG."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (64, 64), dtype=np.uint8)
    made = {name: tmp_path / name for name in ("fine.jpg", "coarse.jpg", "tall.jpg", "plain.png")}
    Image.fromarray(pixels).save(made["fine.jpg"], quality=95)
    Image.fromarray(pixels).save(made["coarse.jpg"], quality=30)
    Image.fromarray(np.dstack([cv2.resize(pixels, (64, 128))] * 3)).save(made["tall.jpg"])
    Image.fromarray(pixels).save(made["plain.png"])
    table = pd.DataFrame({"image_id": list(made), "path": [str(path) for path in made.values()]})
    return table["path"], build_cache(
        table, size=32, root=tmp_path / "cache", workers=0, progress=False
    )


def test_sizes_are_logarithms_of_pixels_and_of_height_over_width(files):
    paths, cache = files
    numbers = size_numbers(cache, np.arange(len(paths)))
    expected = [[64 * 64, 1], [64 * 64, 1], [128 * 64, 2], [64 * 64, 1]]
    np.testing.assert_allclose(numbers, np.log(expected))


def test_quality_mode_and_kind_of_a_file_tell_it_apart(files):
    paths, cache = files
    numbers = file_numbers(paths, cache, np.arange(len(paths)))
    assert len(np.unique(numbers, axis=0)) == 4
    fine, coarse = (sum(Image.open(path).quantization[0]) for path in paths[:2])
    quantisation = numbers[:, 3]
    assert quantisation[:2].tolist() == [fine, coarse]
    # A PNG has no such table: it stands in the middle of those that have.
    assert quantisation[3] == pytest.approx(quantisation[:3].mean())


def test_a_header_that_cannot_be_read_tells_nothing(files):
    paths, cache = files
    Path(paths[0]).write_bytes(b"no image")
    assert np.isfinite(file_numbers(paths, cache, np.arange(len(paths)))).all()
