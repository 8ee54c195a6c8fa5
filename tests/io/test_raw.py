"""Images FOR PROCESSING: values that go with the dose, or against it, linearly or not."""

import numpy as np
import pytest

from medcnn.io import read_image
from medcnn.io.conformance.example import encode, image_dataset
from medcnn.io.raw import SOP_CLASSES, read_raw

SIDE = 64
Y, X = np.mgrid[:SIDE, :SIDE] / SIDE
LUNGS = sum(np.exp(-(((X - c) / 0.12) ** 4) - ((Y - 0.5) / 0.3) ** 4) for c in (0.3, 0.7))
BODY = 0.7 - 0.5 * LUNGS
"""Attenuation: what an image for presentation shows."""

LINEAR = np.round(16000 * np.exp(-3 * BODY))
LOGARITHM = np.round(16000 - 8000 * BODY)


def read(folder, stored, **elements):
    elements = {"PresentationIntentType": "FOR PROCESSING"} | elements
    dataset = image_dataset(stored.astype(np.uint16), bits=14, **elements)
    (folder / "a.dcm").write_bytes(encode(dataset))
    return read_image(folder / "a.dcm")


@pytest.mark.each(
    ("stored", "relation", "sign"),
    [
        (LINEAR, "LIN", 1),
        (LINEAR, "LIN", None),
        (LINEAR, "", None),
        (16383 - LINEAR, "LIN", -1),
        (LOGARITHM, "LOG", 1),
        (16383 - LOGARITHM, "LOG", -1),
        (LOGARITHM, "LOG", None),
        (16383 - LOGARITHM, "LOG", None),
    ],
)
def test_raw_values_end_as_the_attenuation_that_made_them(tmp_path, stored, relation, sign):
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        named = {"PixelIntensityRelationship": relation, "PhotometricInterpretation": photometric}
        if sign is not None:
            named["PixelIntensityRelationshipSign"] = sign
        image = read(tmp_path, stored, **named)
        assert np.corrcoef(image.pixels.ravel(), BODY.ravel())[0, 1] > 0.999
        (note,) = image.facts.notes
        assert note.kind == "raw"
        assert "FOR PROCESSING: raw detector values" in note.text


def test_a_window_is_of_the_logarithm_that_it_was_made_for(tmp_path):
    window = {"WindowCenter": 13000, "WindowWidth": 8000, "PixelIntensityRelationship": "LOG"}
    image = read(tmp_path, LOGARITHM, PixelIntensityRelationshipSign=1, **window)
    assert image.facts.window.startswith("LINEAR window")


@pytest.mark.parametrize(
    ("elements", "is_raw", "kinds"),
    [
        ({"PresentationIntentType": "FOR PROCESSING"}, True, ["raw"]),
        ({"PresentationIntentType": "for_processing "}, True, ["raw"]),
        ({"SOPClassUID": SOP_CLASSES[0]}, True, ["raw"]),
        (
            {"SOPClassUID": SOP_CLASSES[0], "PresentationIntentType": "FOR PRESENTATION"},
            False,
            ["raw"],
        ),
        ({"PresentationIntentType": "FOR PRESENTATION"}, False, []),
        ({"PixelIntensityRelationship": "LIN", "PixelIntensityRelationshipSign": 1}, False, []),
    ],
)
def test_what_makes_an_image_raw(elements, is_raw, kinds):
    raw, notes = read_raw(image_dataset(np.zeros((2, 2), np.uint16), **elements))
    assert (raw is not None, [note.kind for note in notes]) == (is_raw, kinds)
