"""Outlines in the image's own pixels, and a grey scale that stays the image's, as dcmtk shows it."""

import shutil
import subprocess

import cv2
import numpy as np
import pydicom
import pytest

from medcnn.io import read_image
from medcnn.io.conformance.example import lut_item
from medcnn.pacs.outline import build_outline, outlines, pixel_shape
from medcnn.pacs.source import quiet, read_source


def heat_at(row, column, size=64):
    """Return heat around a place, as shares of the image's height and width."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    return np.exp(-(((x - column) / 0.1) ** 2 + ((y - row) / 0.1) ** 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("rows", "columns"), [(64, 64), (3000, 2000), (90, 400), (1, 1), (7, 2500)]
)
def test_an_outline_lies_around_its_place_in_pixels_of_the_image(rows, columns):
    found = outlines(heat_at(0.25, 0.7), rows, columns)
    if min(rows, columns) < 10:
        assert all(np.isfinite(polygon).all() for polygon in found)
        assert min(rows, columns) > 1 or not found
        return
    (polygon,) = found
    assert np.array_equal(polygon[0], polygon[-1])
    middle = (polygon.min(0) + polygon.max(0)) / 2
    assert middle == pytest.approx([0.7 * columns, 0.25 * rows], rel=0.03)
    # Half of the maximum lies sqrt(ln 2) of the width away.
    half = (polygon.max(0) - polygon.min(0)) / 2
    assert half == pytest.approx([0.083 * columns, 0.083 * rows], rel=0.1)


def test_no_heat_has_no_outline():
    assert outlines(np.zeros((8, 8), np.float32), 80, 60) == []


@pytest.fixture
def state_of(judge, tmp_path):
    def build(path):
        source = read_source(path)
        found = outlines(heat_at(0.5, 0.5), source.reference.Rows, source.reference.Columns)
        if not found:
            return None
        with quiet():
            state = build_outline(source, found, "grad_cam", judge)
            state.save_as(tmp_path / "state.dcm", enforce_file_format=True)
        return tmp_path / "state.dcm"

    return build


def test_every_presentation_state_is_valid(images, state_of, errors_of):
    made = {}
    for path in sorted(images.glob("*.dcm"))[::2]:
        made[path.name] = state_of(path)
        assert made[path.name] is None or errors_of(made[path.name]) == [], path.name
    assert sum(state is not None for state in made.values()) >= 10


WINDOWLESS = {"WindowCenter": None, "WindowWidth": None}
GREYSCALES = {
    "monochrome2": {},
    "monochrome1": {"PhotometricInterpretation": "MONOCHROME1"},
    "rescaled": {"RescaleSlope": "0.5", "RescaleIntercept": "300", "WindowCenter": "1200"},
    "voi_lut": WINDOWLESS
    | {"VOILUTSequence": [lut_item((4096, 0, 16), (np.arange(4096) ** 2 >> 8) & 0xFFFF)]},
    "modality_lut": {"ModalityLUTSequence": [lut_item((4096, 0, 16), np.arange(4096)[::-1])]},
}


@pytest.mark.parametrize("name", GREYSCALES)
def test_with_the_state_an_image_looks_as_it_did(name, make_image, state_of, tmp_path):
    if shutil.which("dcmp2pgm") is None:
        pytest.skip("dcmtk is not installed")
    path = tmp_path / "image.dcm"
    path.write_bytes(make_image(**GREYSCALES[name]))
    shown = tmp_path / "shown.pgm"
    asked = ["dcmp2pgm", "-p", state_of(path), path, shown]
    done = subprocess.run(asked, capture_output=True, check=False, timeout=60)
    assert shown.exists(), done.stderr
    seen = cv2.imread(str(shown), cv2.IMREAD_GRAYSCALE).astype(float)
    meant = read_image(path).pixels
    seen = cv2.resize(seen, meant.shape[::-1])
    # dcmtk corrects for its display, which is monotonous: ranks compare what is shown.
    ranks = [np.argsort(np.argsort(each, axis=None)) for each in (seen, meant)]
    assert np.corrcoef(*ranks)[0, 1] > 0.97


@pytest.mark.parametrize(
    ("elements", "spacing", "ratio", "shape"),
    [
        ({}, None, [1, 1], 1.0),
        ({"PixelAspectRatio": ["3", "2"]}, None, [3, 2], 1.5),
        ({"ImagerPixelSpacing": ["0.2", "0.1"]}, [0.2, 0.1], None, 2.0),
    ],
)
def test_pixels_keep_their_shape(elements, spacing, ratio, shape, make_image, state_of, tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(make_image(**elements))
    (area,) = pydicom.dcmread(state_of(path)).DisplayedAreaSelectionSequence
    assert area.get("PresentationPixelSpacing") == spacing
    assert area.get("PresentationPixelAspectRatio") == ratio
    assert pixel_shape(read_source(path).header) == shape
