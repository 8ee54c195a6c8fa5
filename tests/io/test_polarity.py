"""Black and white as declared against black and white as the chest shows them."""

import numpy as np
import pytest

from medcnn.io import read_image, read_image_resized
from medcnn.io.conformance.example import encode, image_dataset

SIDE = 128
Y, X = np.mgrid[:SIDE, :SIDE] / SIDE
LUNGS = sum(np.exp(-(((X - c) / 0.12) ** 2) - ((Y - 0.45) / 0.25) ** 2) for c in (0.3, 0.7))
IN_AIR = np.clip(1 - ((X - 0.5) / 0.46) ** 8, 0, 1) * (0.8 - 0.6 * LUNGS)
"""A body with air beside it: sure."""

FILLED = 0.8 - 0.6 * LUNGS
"""A body that fills the image: likely."""

WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


def write(folder, chest, photometric, *, bright_air, **elements):
    stored = np.round((1 - chest if bright_air else chest) * 4095).astype(np.uint16)
    dataset = image_dataset(stored, PhotometricInterpretation=photometric, **WINDOW, **elements)
    (folder / "a.dcm").write_bytes(encode(dataset))
    return folder / "a.dcm"


@pytest.mark.each(
    ("chest", "photometric", "bright_air", "sign", "kinds", "is_right"),
    [
        (IN_AIR, "MONOCHROME2", False, None, [], True),
        (IN_AIR, "MONOCHROME1", True, None, [], True),
        (IN_AIR, "MONOCHROME2", True, None, ["polarity"], True),
        (IN_AIR, "MONOCHROME1", False, None, ["polarity"], True),
        # A sign of -1 says that high values are bone.
        (IN_AIR, "MONOCHROME1", False, -1, ["polarity"], True),
        (FILLED, "MONOCHROME2", False, None, [], True),
        (FILLED, "MONOCHROME2", True, 1, ["polarity"], True),
        # One likely witness against one that is declared changes nothing, and is said.
        (FILLED, "MONOCHROME2", True, None, ["inverted"], False),
        (FILLED, "MONOCHROME2", True, -1, ["inverted"], False),
        # A sign that is wrong beside an interpretation that is right.
        (FILLED, "MONOCHROME2", False, 1, [], True),
    ],
)
def test_the_chest_decides_where_it_is_sure(
    tmp_path, chest, photometric, bright_air, sign, kinds, is_right
):
    elements = {} if sign is None else {"PixelIntensityRelationshipSign": sign}
    path = write(tmp_path, chest, photometric, bright_air=bright_air, **elements)
    image = read_image(path)
    assert [note.kind for note in image.facts.notes] == kinds
    np.testing.assert_allclose(image.pixels, chest if is_right else 1 - chest, atol=1e-3)
    small, facts = read_image_resized(path, 48, exact=False)
    assert facts.notes == image.facts.notes
    assert (
        np.corrcoef(small.ravel(), read_image_resized(path, 48, exact=True)[0].ravel()) > 0.99
    ).all()


@pytest.mark.parametrize("elements", [{"BodyPartExamined": "HAND"}, {"ViewPosition": "LL"}])
def test_what_is_no_frontal_chest_is_never_turned(tmp_path, elements):
    path = write(tmp_path, IN_AIR, "MONOCHROME2", bright_air=True, **elements)
    image = read_image(path)
    np.testing.assert_allclose(image.pixels, 1 - IN_AIR, atol=1e-3)
    assert "polarity" not in {note.kind for note in image.facts.notes}


def test_padding_stays_black_when_the_rest_is_turned(tmp_path):
    chest = IN_AIR.copy()
    path = write(tmp_path, chest, "MONOCHROME2", bright_air=True, PixelPaddingValue=4095)
    pixels = read_image(path).pixels
    assert pixels[0, 0] == 0
    np.testing.assert_allclose(pixels, chest, atol=1e-3)
