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
    found = module_of(image_dataset(STORED))
    assert (found.rows, found.columns, found.samples, found.frames) == (6, 5, 1, 1)
    assert found.notes == ()
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


@pytest.mark.parametrize(("frames", "counted"), [("0", 1), ("-4", 1), ("", 1), ("7", 7), ("x", 1)])
def test_frames_are_at_least_one(frames, counted):
    dataset = image_dataset(STORED, PixelData=bytes(7 * 60))
    dataset.add_new("NumberOfFrames", "LO", frames)
    assert module_of(dataset).frames == counted


def test_floating_point_pixels_leave_the_bits_out():
    dataset = image_dataset(STORED, BitsStored=None, HighBit=None, PixelRepresentation=None)
    del dataset.PixelData
    dataset.FloatPixelData, dataset.BitsAllocated = bytes(120), 32
    assert module_of(dataset).stored == 32


@pytest.mark.parametrize("missing", ["Rows", "Columns"])
def test_a_missing_side_is_one_typed_error(missing):
    with pytest.raises(ImageError, match="lacks an element that its pixels need") as caught:
        module_of(image_dataset(STORED, **{missing: None}))
    assert caught.value.kind == "corrupt"


@pytest.mark.each(
    ("elements", "kinds"),
    [
        ({"SamplesPerPixel": None}, []),
        ({"PhotometricInterpretation": None}, ["photometric"]),
        ({"BitsAllocated": None}, ["bits"]),
        ({"BitsStored": None}, ["bits"]),
        ({"BitsStored": 77}, ["bits"]),
        ({"BitsStored": 0}, ["bits"]),
        ({"BitsAllocated": 8, "BitsStored": 12}, ["bits"]),
        ({"BitsAllocated": 32}, ["bits"]),
        ({"HighBit": 3}, ["bits"]),
        ({"PixelRepresentation": 5}, ["sign"]),
        ({"NumberOfFrames": 2}, ["size"]),
        ({"PixelData": bytes(160)}, ["size"]),
        ({"PhotometricInterpretation": "RGB"}, ["photometric"]),
        ({"SamplesPerPixel": 3}, ["photometric"]),
    ],
)
def test_what_the_pixels_leave_no_doubt_of_is_taken_from_them(elements, kinds):
    found = module_of(image_dataset(STORED, **elements))
    assert (found.samples, found.allocated, found.frames) == (1, 16, 1)
    assert {note.kind for note in found.notes} == set(kinds)


def test_eight_bits_declared_sixteen_are_seen_by_their_length():
    found = module_of(image_dataset(STORED, PixelData=bytes(30), BitsStored=8, HighBit=7))
    assert (found.allocated, found.stored) == (8, 8)


def test_three_samples_under_a_grey_name_are_colour():
    dataset = image_dataset(STORED, PixelData=bytes(180), SamplesPerPixel=3)
    found = module_of(dataset)
    assert (found.samples, found.photometric) == (3, "RGB")


def test_no_pixels_and_too_many():
    with pytest.raises(ImageError, match="larger than medcnn decodes"):
        module_of(image_dataset(STORED), 29)
    dataset = image_dataset(STORED)
    del dataset.PixelData
    with pytest.raises(ImageError, match="has no pixel data") as caught:
        module_of(dataset)
    assert caught.value.kind == "no_pixels"


def test_two_samples_are_none_that_is_known():
    with pytest.raises(ImageError, match="contradicts itself about its samples"):
        module_of(image_dataset(STORED, SamplesPerPixel=4, PhotometricInterpretation="CMYK"))
