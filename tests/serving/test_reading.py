"""A file that ends its process costs itself, and the next one is read."""

import cv2
import numpy as np

from medcnn.io.workers import EndedError, OneProcess
from medcnn.serving.reading import Readers


def test_files_are_read_in_a_process_of_their_own(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), np.full((40, 40), 90, np.uint8))
    (tmp_path / "junk").write_bytes(b"junk")
    readers = Readers(1, 60, 32, exact=True)
    try:
        found = [readers.submit(tmp_path / name).result(120) for name in ("image.png", "junk")]
    finally:
        readers.close()
    assert found[0].pixels.shape == (32, 32)
    assert found[1].error.kind == "not_an_image"


def test_a_file_that_ends_its_process_costs_itself(tmp_path, monkeypatch):
    def end(*_):
        raise EndedError

    monkeypatch.setattr(OneProcess, "__call__", end)
    readers = Readers(1, 60, 32, exact=True)
    try:
        found = readers.submit(tmp_path / "any").result(120)
    finally:
        readers.close()
    assert found.error.kind == "crashed"
