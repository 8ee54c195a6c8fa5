import io

import pytest

from medcnn.io import bounded
from medcnn.io.bounded import BoundedBytes, BoundedFile, TooManyReads


@pytest.mark.parametrize("kind", ["file", "bytes"])
def test_reads_are_counted_up_to_the_limit(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(bounded, "MAX_READS", 3)
    (tmp_path / "a").write_bytes(b"abcdef")
    opened = BoundedFile(io.FileIO(tmp_path / "a")) if kind == "file" else BoundedBytes(b"abcdef")
    with opened as stream:
        assert [stream.read(1) for _ in range(3)] == [b"a", b"b", b"c"]
        with pytest.raises(TooManyReads, match="more than 3 data elements"):
            stream.read(1)
