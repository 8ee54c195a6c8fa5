import os
from pathlib import Path

import pytest

from medcnn.io.names import is_dicom_name, is_text, says_image


@pytest.mark.each(
    ("name", "dicom", "says"),
    [
        ("x.DCM", True, True),
        ("1.2.840.113619.7", True, False),
        ("noending", True, False),
        ("x.Tif", False, True),
        ("x.bmp", False, True),
        ("x.jfif", False, True),
        ("x.JPE", False, True),
        ("x.webp", False, False),
        ("x.jp2", False, False),
        ("x.txt", False, False),
        ("DICOMDIR", False, False),
    ],
)
def test_what_a_name_says(name, dicom, says):
    assert (is_dicom_name(name), says_image(name)) == (dicom, says)


def test_names_in_a_foreign_encoding_are_no_text():
    assert is_text(Path("/a/Röntgen.png"))
    assert not is_text(Path(os.fsdecode("/Röntgen/a.png".encode("latin-1"))))
