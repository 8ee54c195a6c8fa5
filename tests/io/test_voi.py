"""Which of several windows is taken, and what becomes of those that show nothing."""

import numpy as np
import pytest

from medcnn.io.conformance.example import image_dataset
from medcnn.io.greyscale import choose_greyscale

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def chosen(stored=RAMP, bits=12, **elements):
    return choose_greyscale(image_dataset(stored, bits=bits, **elements), stored)


@pytest.mark.each(
    ("center", "width"),
    [
        (30000, 100),  # above every pixel
        (-5000, 100),  # below
        (2048, 0),
        (2048, -4096),  # turned round
        ("NaN", 4096),
        (2048, "inf"),
        (32768, 65536),  # of another depth
    ],
)
def test_the_next_good_window_is_taken(center, width):
    found = chosen(WindowCenter=[center, 2048], WindowWidth=[width, 4096])
    np.testing.assert_allclose(found(RAMP), RAMP / 4095, atol=1e-6)
    assert found.description == "LINEAR window, centre 2048, width 4096 (second of 2)"
    (note,) = found.notes
    assert note.kind == "window"
    assert note.text.endswith("LINEAR window, centre 2048, width 4096 instead")


def test_text_among_the_widths_costs_its_own_window_alone():
    dataset = image_dataset(RAMP)
    dataset.add_new("WindowCenter", "LO", ["centre", "2048"])
    dataset.add_new("WindowWidth", "LO", ["wide", "4096"])
    found = choose_greyscale(dataset, RAMP)
    np.testing.assert_allclose(found(RAMP), RAMP / 4095, atol=1e-6)
    assert [note.kind for note in found.notes] == ["window"]


def test_without_a_good_one_the_percentiles_are():
    found = chosen(WindowCenter=[30000, -5000], WindowWidth=[10, 10])
    assert found.description == "percentiles 0.5 to 99.5: 20 to 4075"
    assert [note.kind for note in found.notes] == ["window", "window"]


def test_eight_bits_under_a_window_of_twelve_are_not_dark():
    stored = (RAMP >> 4).astype(np.uint8)
    found = chosen(stored, bits=8, WindowCenter=2048, WindowWidth=4096)
    assert found(stored).max() == 1
    assert "wider than all values" in found.notes[0].text


def test_a_window_that_is_wide_for_the_pixels_but_not_for_their_bits_is_kept():
    found = chosen(RAMP // 8, WindowCenter=2048, WindowWidth=4096)
    assert found(RAMP // 8).max() == pytest.approx(511 / 4095)
    assert found.notes == ()


def test_a_sigmoid_far_away_shows_nothing():
    found = chosen(WindowCenter=90000, WindowWidth=100, VOILUTFunction="SIGMOID")
    assert "shows none of the pixels" in found.notes[0].text


def test_a_function_may_be_spelt_with_a_blank():
    found = chosen(WindowCenter=2048, WindowWidth=4096, VOILUTFunction="linear exact")
    assert (found.notes, found(RAMP).max()) == ((), pytest.approx(4095 / 4096))
