import numpy as np
import pytest

from medcnn.io import read_image
from medcnn.io.conformance.example import encode, image_dataset
from medcnn.io.photometric import NAMES, photometric_name

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def test_names_of_the_standard_are_themselves():
    assert [photometric_name(name) for name in NAMES] == list(NAMES)
    assert [photometric_name(f" {name.lower()}\0") for name in NAMES] == list(NAMES)


@pytest.mark.each(
    ("spelt", "is_inverted"),
    [
        ("MONOCHROME2 ", False),
        ("monochrome1", True),
        ("MONOCHROME 2", False),
        ("MONOCHROME_1", True),
        ("MONOCHROME", False),
        ("GREYSCALE", False),
        ("odd", False),
        ("", False),
    ],
)
def test_any_spelling_is_read(tmp_path, spelt, is_inverted):
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    dataset = image_dataset(RAMP, PhotometricInterpretation=spelt, **window)
    (tmp_path / "a.dcm").write_bytes(encode(dataset))
    image = read_image(tmp_path / "a.dcm")
    expected = 1 - RAMP / 4095 if is_inverted else RAMP / 4095
    np.testing.assert_allclose(image.pixels, expected, atol=1e-6)
    kinds = [note.kind for note in image.facts.notes]
    assert kinds == ([] if spelt.strip() in NAMES else ["photometric"])
