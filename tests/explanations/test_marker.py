from dataclasses import replace

import cv2
import numpy as np
import pytest

from medcnn.data.sources.phantom.dicom import dicom_bytes
from medcnn.data.sources.phantom.plan import Options, plan
from medcnn.data.sources.phantom.radiograph import render
from medcnn.explanations.marker import (
    DETAIL,
    burn_in,
    find_marker,
    paint_over,
    touched,
)
from medcnn.io import read_image


def read_case(folder, case):
    """Return the pixels of a case, and where its marker is: what differs without it."""
    image = render(case)
    (folder / "case.dcm").write_bytes(dicom_bytes(case, image, "test"))
    pixels = read_image(folder / "case.dcm").pixels
    bare = render(replace(case, acquisition=replace(case.acquisition, marker="")))
    return pixels, np.abs(image.stored.astype(int) - bare.stored) > 200


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    # A shutter draws from the generator after the marker: without the marker it lies elsewhere.
    chosen = [case for case in plan(Options(n_images=24)) if not case.acquisition.collimated]
    return [(case.acquisition.marker, *read_case(folder, case)) for case in chosen[:16]]


def test_markers_are_found_where_the_phantom_burnt_them_in(cases):
    marked = [(pixels, where) for marker, pixels, where in cases if marker]
    assert len(marked) > 7
    for pixels, where in marked:
        found = find_marker(pixels)
        rows, columns = (np.flatnonzero(where.any(axis)) for axis in (1, 0))
        near = np.zeros_like(where)
        near[rows[0] - 8 : rows[-1] + 9, max(columns[0] - 8, 0) : columns[-1] + 9] = True
        assert (found & where).sum() > 0.95 * where.sum()
        assert not (found & ~near).any()


def test_nothing_is_found_where_there_is_no_marker(cases):
    bare = [pixels for marker, pixels, _ in cases if not marker]
    assert len(bare) > 2
    assert not any(find_marker(pixels).any() for pixels in bare)


def test_painting_over_takes_the_marker_away_and_nothing_else(cases):
    for marker, pixels, where in cases:
        if not marker:
            continue
        mask = find_marker(pixels)
        side = pixels.shape[0]
        change = paint_over(pixels, mask, side)
        without = pixels + change.difference
        assert not find_marker(without).any()
        assert change.difference[where].mean() < -0.1
        assert np.abs(change.difference[~mask]).max() < 1e-6


def test_a_letter_is_burnt_in_at_the_side_that_it_names(cases):
    for letter, left in (("R", True), ("L", False)):
        pixels = next(pixels for marker, pixels, _ in cases if not marker)
        change = burn_in(pixels, letter, pixels.shape[0])
        found = find_marker(pixels + change.difference)
        assert found.any() and (pixels + change.difference).max() <= 1 + 1e-6
        assert (np.nonzero(found)[1].mean() < pixels.shape[1] / 2) == left


def test_the_reduced_change_is_the_change_of_the_reduced_image(cases):
    pixels = cases[0][1]
    whole, small = (burn_in(pixels, "L", size) for size in (pixels.shape[0], 64))
    reduced = cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA)
    changed = cv2.resize(pixels + whole.difference, (64, 64), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(reduced + small.difference, changed, atol=1e-6)
    assert (np.abs(small.difference) > 1e-6).sum() <= small.where.sum()


def test_no_marker_is_looked_for_in_too_coarse_an_image():
    pixels = np.zeros((DETAIL - 1, DETAIL - 1), np.float32)
    assert not find_marker(pixels + burn_in(pixels, "R", DETAIL - 1).difference).any()
    fine = np.zeros((DETAIL, DETAIL), np.float32)
    assert find_marker(fine + burn_in(fine, "R", DETAIL).difference).any()


def test_a_pixel_is_touched_by_any_part():
    mask = np.zeros((256, 256), bool)
    mask[9, 9] = True
    assert np.argwhere(touched(mask, 32)).tolist() == [[1, 1]]
