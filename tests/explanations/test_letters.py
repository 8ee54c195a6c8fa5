import cv2
import numpy as np
import pytest

from medcnn.explanations.letters import ALIKE, FONTS, drawn, find_letters


def film(height=400, width=400, seed=0):
    """Return soft tissue with bright, curved ribs at both sides, as radiographs have."""
    rng = np.random.default_rng(seed)
    soft = cv2.GaussianBlur(rng.random((height, width)).astype(np.float32), (0, 0), 20)
    canvas = np.zeros((height, width), np.uint8)
    for row in range(60, height, 36):
        for column, start in ((0.32, 120), (0.68, -60)):
            centre = (round(column * width), row)
            axes = (round(0.16 * width), 20)
            cv2.ellipse(canvas, centre, axes, 0, start, start + 120, 200, 3, cv2.LINE_AA)
    return (0.35 + 3 * (soft - soft.mean()) + canvas / 255 * 0.5).clip(0, 1).astype(np.float32)


def write(image, text, place, scale, value=1.0):
    """Write a text in OpenCV's font, which is none of those that are looked for."""
    canvas = np.zeros(image.shape, np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(canvas, text, place, font, scale, 255, max(round(2 * scale), 1), cv2.LINE_AA)
    share = canvas.astype(np.float32) / 255
    return image * (1 - share) + share * value


@pytest.mark.parametrize(("name", "column"), [("R", 30), ("L", 350)])
@pytest.mark.parametrize("scale", [0.6, 1.0, 1.3])
def test_a_letter_is_found_by_its_name_where_it_is(name, column, scale):
    (letter,) = find_letters(write(film(), name, (column, 120), scale))
    left, top, wide, high = letter.box
    assert letter.name == name and letter.alike >= ALIKE
    assert abs(left - column) < 8 and abs(top + high - 120) < 8
    assert 0.6 < high / (21 * scale) < 1.5 and wide < 1.5 * high


def test_ribs_and_buttons_are_no_letters():
    for seed in range(4):
        image = film(seed=seed)
        canvas = np.zeros(image.shape, np.uint8)
        cv2.circle(canvas, (60, 80), 8, 255, -1, cv2.LINE_AA)
        assert find_letters(np.maximum(image, canvas.astype(np.float32) / 255)) == []


def test_a_letter_over_the_heart_is_no_marker():
    assert find_letters(write(film(), "R", (190, 120), 1.0)) == []
    assert find_letters(write(film(), "R", (30, 350), 1.0)) == []


def test_a_letter_darker_than_its_surroundings_is_no_marker():
    assert find_letters(write(film(), "R", (30, 120), 1.0, value=0.0)) == []


def test_the_size_of_the_film_does_not_matter():
    small = write(film(), "R", (30, 120), 1.0)
    large = cv2.resize(small, (1500, 1200), interpolation=cv2.INTER_CUBIC)
    (letter,) = find_letters(large.clip(0, 1))
    assert letter.name == "R"
    assert abs(letter.box[0] - 30 * 1500 / 400) < 25 and abs(letter.box[1] - 100 * 3) < 25


def test_every_font_draws_its_letters_to_the_edge():
    for font in FONTS:
        letter = drawn("R", font, 24)
        assert letter.shape[0] == 24 and letter.max() > 0.9 and letter.min() == 0
        assert letter.any(0).all() and letter.any(1).all()
        assert drawn("R", font, 24, 0.5).shape[1] == pytest.approx(letter.shape[1] / 2, abs=1)
