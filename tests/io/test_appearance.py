import cv2
import numpy as np
import pytest

from medcnn.io import read_image
from medcnn.io.appearance import (
    LEAST_CHARACTERS,
    content_notes,
    is_blank,
    is_even,
    longest_text,
    looks_inverted,
    shows_bright_air,
    thumbnail,
)


def chest(size=512):
    """Return the plainest chest: a bright middle between two dark fields in a grey body."""
    y, x = np.mgrid[:size, :size] / size
    lungs = sum(
        np.exp(-(((x - centre) / 0.11) ** 2 + ((y - 0.47) / 0.25) ** 2)) for centre in (0.28, 0.72)
    )
    noise = np.random.default_rng(0).normal(0, 0.01, x.shape)
    return np.clip(0.7 - 0.5 * lungs + noise, 0, 1).astype(np.float32)


def written(text, size=512, height=0.6, value=255, background=None):
    image = (background if background is not None else chest(size)) * 255
    canvas = np.ascontiguousarray(image.astype(np.uint8))
    cv2.putText(canvas, text, (20, 40), cv2.FONT_HERSHEY_SIMPLEX, height, value, 1, cv2.LINE_AA)
    return (canvas / 255).astype(np.float32)


def test_polarity_is_told_by_lungs_and_mediastinum():
    assert not looks_inverted(chest())
    assert looks_inverted(1 - chest())


def test_no_contrast_is_blank():
    assert [note.kind for note in content_notes(chest() * 0, is_chest=True)] == ["blank"]
    assert is_blank(np.full((64, 64), 0.5, np.float32))
    assert not is_blank(chest())


@pytest.mark.parametrize(
    ("pixels", "is_chest", "kinds"),
    [
        (chest(), True, []),
        (chest() * 0.25, True, ["dark"]),
        (1 - chest(), True, ["inverted"]),
        (1 - chest(), False, []),
        ((1 - chest()) * 0.25, True, ["dark", "inverted"]),
    ],
)
def test_pixels_speak_for_themselves(pixels, is_chest, kinds):
    assert [note.kind for note in content_notes(pixels, is_chest=is_chest)] == kinds


def test_a_gradient_is_not_shows_bright_air():
    gradient = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    assert not any(shows_bright_air(image) for image in (gradient, 1 - gradient, gradient.T))


def test_a_name_is_found_and_a_side_marker_is_not():
    dark = np.zeros((512, 512), np.float32)
    assert longest_text(written("DOE JOHN 1950-01-02", background=dark)) >= LEAST_CHARACTERS
    assert longest_text(written("L", background=dark)) < LEAST_CHARACTERS
    assert longest_text(chest()) < LEAST_CHARACTERS


def test_dark_writing_on_bright_ground_is_found():
    bright = np.ones((512, 512), np.float32)
    assert longest_text(written("DOE JOHN 1950", value=0, background=bright)) >= LEAST_CHARACTERS


def test_noise_is_no_writing():
    noise = np.random.default_rng(0).random((1500, 1200)).astype(np.float32)
    assert longest_text(noise) < LEAST_CHARACTERS


def test_a_tiny_image_is_looked_at_all_the_same():
    assert longest_text(np.zeros((3, 2), np.float32)) == 0


def test_the_rates_that_are_stated_hold_on_real_images(real_data):
    paths = sorted((real_data / "chest_xray" / "train").glob("*/*"))[::20]
    pixels = [read_image(path).pixels for path in paths]
    assert not any(looks_inverted(image) for image in pixels)
    small = [thumbnail(image) for image in pixels]
    assert not any(shows_bright_air(image) for image in small)
    assert np.mean([shows_bright_air(1 - image) for image in small]) > 0.97
    assert not any(list(content_notes(image, is_chest=True)) for image in pixels)
    assert np.mean([looks_inverted(1 - image) for image in pixels]) > 0.99
    assert np.mean([longest_text(image) >= LEAST_CHARACTERS for image in pixels]) < 0.01


@pytest.mark.parametrize("name", ["person1214_virus_2059", "person1269_virus_2162"])
def test_the_time_of_exposure_in_two_real_images_is_found(real_data, name):
    path = real_data / "chest_xray" / "train" / "PNEUMONIA" / f"{name}.jpeg"
    assert longest_text(read_image(path).pixels) >= LEAST_CHARACTERS


def test_two_even_areas_are_a_mask_and_a_radiograph_is_none(real_data):
    even = np.where(chest() > 0.4, 1, 0).astype(np.float32)
    for blur in (0, 3):
        soft = cv2.GaussianBlur(even, (0, 0), blur) if blur else even
        assert [note.kind for note in content_notes(soft, is_chest=True)] == ["mask"]
    paths = sorted((real_data / "chest_xray" / "train").glob("*/*"))[::50]
    assert not any(is_even(read_image(path).pixels) for path in paths)
