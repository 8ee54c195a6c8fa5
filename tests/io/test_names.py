import os
from pathlib import Path

import pytest

from medcnn.io.names import is_dicom_name, is_image_name, is_text, says_image


@pytest.mark.each(
    ("name", "image", "dicom", "says"),
    [
        ("x.DCM", True, True, True),
        ("1.2.840.113619.7", True, True, False),
        ("noending", True, True, False),
        ("x.Tif", True, False, True),
        ("x.bmp", True, False, True),
        ("x.jfif", True, False, True),
        ("x.JPE", True, False, True),
        ("x.webp", False, False, False),
        ("x.jp2", False, False, False),
        ("x.txt", False, False, False),
        ("DICOMDIR", False, False, False),
    ],
)
def test_what_a_name_says(name, image, dicom, says):
    assert (is_image_name(name), is_dicom_name(name), says_image(name)) == (image, dicom, says)


def test_names_in_a_foreign_encoding_are_no_text():
    assert is_text(Path("/a/Röntgen.png"))
    assert not is_text(Path(os.fsdecode("/Röntgen/a.png".encode("latin-1"))))
