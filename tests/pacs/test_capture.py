"""The heat map as a picture: valid, in square pixels, marked, and the same again."""

import numpy as np
import pydicom

from medcnn.io import read_image
from medcnn.pacs.capture import build_capture, draw
from medcnn.pacs.outline import pixel_shape
from medcnn.pacs.source import quiet, read_source

HEAT = np.zeros((8, 8), np.float32)
HEAT[6, 1] = 1


def saved(path, file, judge):
    source = read_source(path)
    picture = draw(read_image(path).pixels, HEAT, pixel_shape(source.header), "medcnn xray")
    with quiet():
        build_capture(source, picture, "grad_cam", judge).save_as(file, enforce_file_format=True)
    return picture


def test_every_capture_is_valid_and_says_what_it_is(images, judge, errors_of, tmp_path):
    paths = sorted(images.glob("*.dcm"))[1::3]
    for path in paths:
        picture = saved(path, tmp_path / path.name, judge)
        assert errors_of(tmp_path / path.name) == [], path.name
        dataset = pydicom.dcmread(tmp_path / path.name)
        assert "not for diagnosis" in dataset.SeriesDescription
        assert np.array_equal(dataset.pixel_array, picture)
        (origin,) = dataset.SourceImageSequence
        assert origin.ReferencedSOPInstanceUID == read_source(path).uid


def test_heat_lies_where_it_is_and_words_are_burned_in():
    grey = np.full((300, 300), 0.5, np.float32)
    picture = draw(grey, HEAT, 1.0, "medcnn").astype(int)
    coloured = np.abs(picture - 128).sum(2) > 30
    coloured[:80] = False
    rows, columns = np.nonzero(coloured)
    assert 300 * 6 / 8 - 40 < rows.min() < rows.max() < 300 * 7 / 8 + 40
    assert columns.max() < 300 * 2 / 8 + 40
    assert (picture[:40] == 0).any()
    assert (picture[:40] > 200).any()


def test_pixels_that_are_high_make_a_high_picture():
    assert draw(np.zeros((100, 100), np.float32), HEAT, 2.0, "").shape == (512, 256, 3)
    assert draw(np.zeros((4000, 2000), np.float32), HEAT, 1.0, "").shape == (1024, 512, 3)


def test_made_again_it_is_the_same_object(images, judge, tmp_path):
    for name in ("a", "b"):
        saved(images / "plain.dcm", tmp_path / name, judge)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
