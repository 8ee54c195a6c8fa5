import os

import numpy as np
import pytest

from medcnn.errors import ImageError
from medcnn.io import read_image, read_image_resized


def saved(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return f"{folder / 'a.npz'}#"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_span_their_type(tmp_path, dtype):
    images = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (2, 5, 6)).astype(dtype)
    found = read_image(saved(tmp_path, x=images) + "x/1").pixels
    np.testing.assert_allclose(found, images[1] / np.iinfo(dtype).max, atol=1e-6)


def test_colour_is_luminance(tmp_path):
    images = np.zeros((1, 2, 2, 3), np.uint8)
    images[..., 1] = 255
    found = read_image(saved(tmp_path, x=images) + "x/0")
    np.testing.assert_allclose(found.pixels, 0.587, atol=1e-3)
    assert found.facts.photometric == "RGB"


def test_it_is_resized_like_any_other(tmp_path):
    images = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    small, _ = read_image_resized(saved(tmp_path, x=images) + "x/0", 4, exact=True)
    mean = images[0].reshape(4, 2, 4, 2).mean((1, 3))
    assert np.abs(small - mean).max() <= 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x/7", "names no image of the array"),
        ("x/-1", "names no image of the array"),
        ("xs/0", "did you mean 'x'"),
        ("flat/0", "not a readable archive"),
        ("wide/0", "does not read|kind|values"),
    ],
)
def test_what_is_not_there_is_one_typed_error(tmp_path, name, words):
    path = saved(
        tmp_path,
        x=np.zeros((2, 4, 4), np.uint8),
        flat=np.zeros(4, np.uint8),
        wide=np.full((1, 4, 4), 7.0),
    )
    with pytest.raises(ImageError, match=words):
        read_image(path + name)


def test_a_missing_archive_is_told(tmp_path):
    with pytest.raises(ImageError, match="there is no such file"):
        read_image(f"{tmp_path / 'b.npz'}#x/0")


def test_pickled_objects_are_never_loaded(tmp_path):
    path = saved(tmp_path, x=np.array([{"a": 1}] * 3, dtype=object))
    with pytest.raises(ImageError, match="not a readable archive"):
        read_image(path + "x/0")


def test_damaged_archives_end_as_pixels_or_one_typed_error(tmp_path):
    rng = np.random.default_rng(0)
    smooth = rng.integers(0, 9, (4, 20, 20)).cumsum(2).astype(np.uint8)
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=smooth)
    whole, kinds = path.read_bytes(), set()
    for _ in range(80):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 4):
            damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        os.utime(path, ns=(0, int(rng.integers(2**60))))
        try:
            kinds.add(read_image(f"{path}#x/1").pixels.shape)
        except ImageError as error:
            kinds.add(error.kind)
    assert kinds <= {(20, 20), "corrupt", "not_an_image"}
    assert "corrupt" in kinds
