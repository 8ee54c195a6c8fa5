import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from medcnn.errors import DataError
from medcnn.inference.files import (
    find_images,
    list_files,
    name_of,
    one_line,
    read_files,
    walk_images,
)


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.jpg", "deep/c.dcm", "deep/.hidden.png", "notes.txt", "DICOMDIR"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "deep" / "round").symlink_to(tmp_path)
    return tmp_path


def test_the_order_is_the_same_and_a_loop_of_links_ends(folder):
    names = [str(path.relative_to(folder)) for path in walk_images(folder)]
    assert names == ["a.jpg", "b.png", "deep/c.dcm"]
    assert [*find_images(folder)] == [folder / name for name in names]
    assert list_files(folder).images == 3


def test_one_file_is_itself_whatever_its_name(folder):
    assert find_images(folder / "notes.txt") == [folder / "notes.txt"]


def test_nothing_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no images in"):
        find_images(tmp_path)


def test_a_file_that_cannot_be_read_costs_itself_alone(tmp_path):
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), np.full((20, 30), 77, np.uint8))
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:40])
    found = list(read_files([tmp_path / "cut.png", good, tmp_path / "gone.png"], 16, exact=True))
    assert [reading.error is None for reading in found] == [False, True, False]
    assert found[1].pixels.shape == (16, 16)
    np.testing.assert_allclose(found[1].pixels, 77, atol=1)
    assert "gone.png" in str(found[2].error)


def test_a_file_is_called_by_its_place_in_the_folder():
    root = Path("/films")
    assert name_of(root / "a" / "b.png", root) == "a/b.png"
    assert name_of(root, root) == "films"


def test_a_text_fits_into_a_cell_of_any_table():
    assert one_line("first\n\n  second\0third ") == "first; second third"
    assert one_line(os.fsdecode(b"caf\xe9.png")) == "caf\\udce9.png"


def test_the_hash_of_a_list_is_that_of_its_names_in_order(folder):
    before = list_files(folder).digest
    (folder / "b.png").write_bytes(b"other pixels")
    (folder / "notes.md").write_bytes(b"no image")
    assert list_files(folder).digest == before
    (folder / "b.png").rename(folder / "c.png")
    assert list_files(folder).digest != before
