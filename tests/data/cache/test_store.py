from __future__ import annotations

import numpy as np

from medcnn.data.cache.key import as_keys
from medcnn.data.cache.store import checksum, find, load_index, read_facts, write_segment

KEYS = as_keys(bytes(range(48)))
PIXELS = np.arange(3 * 16, dtype=np.uint8).reshape(3, 4, 4)


def write(folder, rows=slice(None)):
    return write_segment(
        folder,
        pixels=PIXELS[rows],
        keys=KEYS[rows],
        facts=[{"view": str(row)} for row in range(3)][rows],
        files=KEYS[rows],
        targets=KEYS[rows],
    )


def test_index_finds_every_image_of_every_segment(tmp_path):
    names = {write(tmp_path, slice(0, 1)): 1, write(tmp_path, slice(1, 3)): 2}
    index = load_index(tmp_path, (4, 4), "uint8")
    assert sorted(index.segments) == sorted(names)
    for key, pixels in zip(KEYS, PIXELS, strict=True):
        (row,) = find(index.keys, np.array([key]))
        segment = np.load(tmp_path / f"{index.segments[index.segment[row]]}.npy")
        assert np.array_equal(segment[index.slot[row]], pixels)
        assert index.checksum[row] == checksum(pixels)


def test_facts_are_kept(tmp_path):
    assert read_facts(tmp_path, write(tmp_path))[2] == {"view": "2"}


def test_segment_of_another_shape_is_left_out(tmp_path):
    write(tmp_path)
    assert load_index(tmp_path, (5, 5), "uint8").segments == ()


def test_pixels_without_index_are_no_segment(tmp_path):
    name = write(tmp_path)
    (tmp_path / f"{name}.npz").unlink()
    assert len(load_index(tmp_path, (4, 4), "uint8").keys) == 0


def test_find_tells_absent_keys():
    assert find(KEYS, as_keys(bytes(range(16, 32)) + b"z" * 16)).tolist() == [1, -1]
    assert find(as_keys(b""), KEYS).tolist() == [-1, -1, -1]
