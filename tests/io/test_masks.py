import cv2
import numpy as np
import pytest

from medcnn.io.masks import looks_like_mask, says_mask, twin_endings


@pytest.mark.each(
    "name",
    [
        "mask",
        "x_mask",
        "lung masks",
        "leftMask",
        "ManualMask",
        "1_seg",
        "Ground-Truth",
        "annotations",
    ],
)
def test_names_that_speak_of_a_mask(name):
    assert says_mask(name)


@pytest.mark.parametrize("name", ["maskless", "Lung_Opacity", "images", "person1", "segal 7", "1"])
def test_names_that_do_not(name):
    assert not says_mask(name)


@pytest.fixture
def lungs():
    image = np.zeros((200, 200), np.uint8)
    for middle in (60, 140):
        cv2.ellipse(image, (middle, 100), (30, 60), 0, 0, 360, 255, -1)
    return image


@pytest.mark.parametrize("kind", ["png", "jpg", "structures", "colour", "empty", "bmp"])
def test_a_few_even_areas_are_a_mask(tmp_path, lungs, kind):
    image = {
        "structures": lungs // 255 + 2 * (lungs[::-1] // 255),
        "colour": cv2.merge([lungs, lungs // 2, 255 - lungs]),
        "empty": 0 * lungs,
    }.get(kind, lungs)
    path = tmp_path / f"x.{kind if kind in ('jpg', 'bmp') else 'png'}"
    cv2.imwrite(str(path), image)
    assert looks_like_mask(path)


def test_a_radiograph_is_none_whatever_its_name(real_data, tmp_path):
    for number, path in enumerate(sorted((real_data / "chest_xray" / "train").glob("*/*"))[::200]):
        named = tmp_path / f"{number}_mask.jpg"
        named.symlink_to(path)
        assert not looks_like_mask(named)


def test_what_cannot_be_read_is_left_to_its_reader(tmp_path):
    (tmp_path / "a_mask.png").write_bytes(b"not a picture")
    (tmp_path / "a_mask.dcm").write_bytes(b"")
    assert not looks_like_mask(tmp_path / "a_mask.png")
    assert not looks_like_mask(tmp_path / "a_mask.dcm")


def test_endings_are_those_of_many_twins():
    names = [f"{n}" for n in range(5)] + [f"{n}-out" for n in range(5)] + ["0_b", "9_c"]
    assert twin_endings(names) == {"out"}
    assert twin_endings([f"person{n}_virus_{n}" for n in range(9)]) == set()
