"""The image pixel module: what is read, what is assumed, and what is refused before any allocation."""

from pathlib import Path

import numpy as np
import pytest

from medcnn.errors import ImageError
from medcnn.io.conformance.example import image_dataset
from medcnn.io.pixel_module import read_pixel_module

PATH = Path("a.dcm")
STORED = np.zeros((6, 5), np.int16)


def module_of(dataset, most=100):
    return read_pixel_module(dataset, PATH, most)


def test_each_element_is_read():
    found = module_of(image_dataset(STORED, NumberOfFrames="3"))
    assert (found.rows, found.columns, found.samples, found.frames) == (6, 5, 1, 3)
    assert (found.allocated, found.stored, found.high) == (16, 12, 11)
    assert (found.representation, found.planar, found.photometric) == (1, 0, "MONOCHROME2")


@pytest.mark.parametrize(
    ("elements", "low_bits"),
    [
        ({}, 0),
        ({"HighBit": None}, 0),
        ({"HighBit": 15}, 4),
        ({"HighBit": 3}, 0),
        ({"HighBit": 16}, 0),
    ],
)
def test_bits_below_the_stored_ones(elements, low_bits):
    assert module_of(image_dataset(STORED, **elements)).low_bits == low_bits


@pytest.mark.parametrize(("frames", "counted"), [("0", 1), ("-4", 1), ("", 1), ("7", 7)])
def test_frames_are_at_least_one(frames, counted):
    assert module_of(image_dataset(STORED, NumberOfFrames=frames)).frames == counted


def test_floating_point_pixels_leave_the_bits_out():
    dataset = image_dataset(STORED, BitsStored=None, HighBit=None, PixelRepresentation=None)
    del dataset.PixelData
    dataset.FloatPixelData, dataset.BitsAllocated = bytes(120), 32
    assert module_of(dataset).stored == 32


@pytest.mark.parametrize(
    "missing",
    [
        "Rows",
        "Columns",
        "SamplesPerPixel",
        "BitsAllocated",
        "BitsStored",
    ],
)
def test_a_missing_element_is_one_typed_error(missing):
    with pytest.raises(ImageError, match="lacks an element that its pixels need") as caught:
        module_of(image_dataset(STORED, **{missing: None}))
    assert caught.value.kind == "corrupt"


def test_no_pixels_and_too_many():
    with pytest.raises(ImageError, match="larger than medcnn decodes"):
        module_of(image_dataset(STORED), 29)
    dataset = image_dataset(STORED)
    del dataset.PixelData
    with pytest.raises(ImageError, match="has no pixel data") as caught:
        module_of(dataset)
    assert caught.value.kind == "no_pixels"


@pytest.mark.parametrize(("photometric", "samples"), [("RGB", 1), ("MONOCHROME1", 3)])
def test_samples_that_contradict_the_interpretation(photometric, samples):
    elements = {"PhotometricInterpretation": photometric, "SamplesPerPixel": samples}
    with pytest.raises(ImageError, match="contradicts itself about its samples"):
        module_of(image_dataset(STORED, **elements))
