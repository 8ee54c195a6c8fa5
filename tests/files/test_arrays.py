import zipfile

import numpy as np
import pytest

from medcnn.errors import DataError
from medcnn.files.arrays import read_arrays


def test_arrays_are_read(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.arange(3), b=np.array("text"))
    found = read_arrays(path, most_bytes=1000, expected="two arrays")
    assert found["a"].tolist() == [0, 1, 2]
    assert str(found["b"]) == "text"


def test_code_is_not_unpickled_and_size_is_looked_at_first(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="allow_pickle=False"):
        read_arrays(path, most_bytes=10_000, expected="arrays")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(2**20))
    with pytest.raises(DataError, match="1,048,576 bytes"):
        read_arrays(path, most_bytes=10_000, expected="arrays")


@pytest.mark.parametrize("header", ["{", "{'descr': '<f8', ", "'''"])
def test_a_header_that_does_not_end_is_damage(tmp_path, header):
    # NumPy filters such a header by Python's tokenizer, whose error is no ValueError.
    path = tmp_path / "a.npz"
    text = header.encode().ljust(118)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(DataError, match=r"a\.npz is not a readable archive"):
        read_arrays(path, most_bytes=10_000, expected="arrays")
