from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from medcnn.augment import Augmentation
from medcnn.augment.acquisition import GRID, STROKES, Frame, Marker, Shading
from medcnn.errors import ConfigError

RNG = np.random.default_rng
GREY = np.full((64, 120, 80), 100, np.uint8)


def test_a_shading_is_the_exponential_of_a_field_that_varies_slowly():
    values = Shading(strength=0.2).draw(RNG(0), 500)
    assert np.std(values["field"]) == pytest.approx(0.2, rel=0.03)
    shaded = Augmentation({"shading": {"p": 1, "strength": 0.2}})(GREY, RNG(0))
    field = np.log(shaded / 100.0)
    # No slower than its grid: Gaussian smoothing by a quarter of a cell leaves it as it is.
    smooth = ndimage.gaussian_filter(field, (0, 120 / GRID / 4, 80 / GRID / 4), mode="nearest")
    assert np.abs(field - smooth).mean() < 0.25 * field.std()


def test_a_constant_field_is_a_factor():
    values = {"field": np.full((GRID, GRID), np.log(1.5))}
    assert (Shading().image(GREY[0], values) == 150).all()


def test_a_frame_by_hand():
    values = {"depth": np.array([0.1, 0.05, 0.25, 0.0]), "fill": np.array(0.2)}
    framed = Frame().image(GREY[0], values)
    assert (framed[:12] == 51).all()
    assert (framed[-6:] == 51).all()
    assert (framed[:, :20] == 51).all()
    assert (framed[12:-6, 20:] == 100).all()


def test_frames_are_as_deep_as_asked_for():
    depth = Frame(depth=(0.05, 0.2)).draw(RNG(0), 4000)["depth"]
    assert 0.05 <= depth.min() <= depth.max() <= 0.2
    assert depth.mean(axis=0) == pytest.approx([0.125] * 4, rel=0.02)


def test_a_marker_is_a_letter_of_its_strokes():
    strokes = RNG(4).random(STROKES) < 0.5
    values = {"box": np.array([0.5, 0.1, 0.14, 0.125]), "strokes": strokes, "level": np.array(0.8)}
    marked = Marker().image(np.zeros((100, 80), np.uint8), values)
    letter = marked[50:64, 8:18]
    assert (letter == np.kron(strokes, np.ones((2, 2))) * 204).all()
    assert np.count_nonzero(marked) == np.count_nonzero(letter)


def test_markers_lie_inside_and_near_either_side():
    box = Marker(height=(0.05, 0.1), margin=0.15).draw(RNG(0), 4000)["box"]
    top, left, height, width = box.T
    assert ((top >= 0) & (top + height <= 1) & (left >= 0) & (left + width <= 1 + 1e-12)).all()
    on_left = left < 0.5
    assert on_left.mean() == pytest.approx(0.5, abs=0.03)
    assert (np.minimum(left, 1 - left - width) <= 0.15 + 1e-12).all()


@pytest.mark.parametrize(
    ("operator", "options", "message"),
    [
        (Shading, {"strength": 2}, "shading.strength cannot be 2"),
        (Frame, {"depth": (0, 0.7)}, "frame.depth cannot be 0.7"),
        (Frame, {"fill": 0.5}, "frame.fill"),
        (Marker, {"height": (0.2, 0.1)}, "marker.height"),
        (Marker, {"margin": "wide"}, "marker.margin cannot be 'wide'"),
    ],
)
def test_slips(operator, options, message):
    with pytest.raises(ConfigError, match=message):
        operator(**options)
