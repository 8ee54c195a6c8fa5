import matplotlib as mpl
import numpy as np
from PIL import Image

from medcnn.reporting.overlays import FINDING, MARKER, SIDE, overlay, write_pictures


def grey(value=0.4, side=32):
    return np.full((side, side), value, np.float32)


def test_without_heat_the_radiograph_is_shown_as_it_is():
    picture = overlay(grey(0.4), None, None, None)
    assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8
    assert (picture == round(0.4 * 255)).all()


def test_heat_takes_the_colour_of_its_strength_and_none_none():
    heat = np.zeros((32, 32), np.float32)
    heat[8:24, 8:24] = 1.0
    picture = overlay(grey(0.0), heat, None, None)
    hot = np.array(mpl.colormaps["inferno"](1.0)[:3])
    np.testing.assert_allclose(picture[160, 160], 0.8 * 255 * hot, atol=2)
    assert picture[10, 10].max() == 0
    assert (
        overlay(grey(), np.zeros_like(heat), None, None) == overlay(grey(), None, None, None)
    ).all()


def test_heat_on_single_pixels_can_be_seen():
    heat = np.zeros((128, 128), np.float32)
    heat[64, 64] = 1.0
    changed = (overlay(grey(0.4, 128), heat, None, None) != 102).any(2)
    assert 50 < changed.sum() < 2000 and changed[160:164, 160:164].all()


def test_the_finding_is_outlined_and_the_marker_framed():
    finding, marker = np.zeros((32, 32), bool), np.zeros((32, 32), bool)
    finding[10:20, 10:20] = True
    marker[3:6, 2:5] = True
    picture = overlay(grey(), None, finding, marker)
    cyan = np.abs(picture - np.array(FINDING, float)).max(2) < 90  # the line is antialiased
    rows, columns = np.nonzero(cyan)
    assert abs(rows.min() - 100) <= 3 and abs(columns.max() - 199) <= 3
    assert not cyan[120:180, 120:180].any()
    white = (picture == MARKER).all(2)
    rows, columns = np.nonzero(white)
    assert rows.min() < 30 < 60 < rows.max() < 70 and columns.min() < 20
    assert not white[35:55, 25:45].any()


def test_the_files_hold_the_colours_and_have_safe_names(tmp_path):
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[..., 0] = 200
    names = write_pictures(tmp_path, "01_a/b c.dcm", {"grad_cam": picture})
    assert names == {"grad_cam": "01_a_b_c_dcm_grad_cam.png"}
    with Image.open(tmp_path / names["grad_cam"]) as stored:
        assert stored.convert("RGB").getpixel((0, 0)) == (200, 0, 0)
