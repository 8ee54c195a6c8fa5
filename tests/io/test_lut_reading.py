"""LUTs, rescale and windows that are broken, that lie, or are spelt in another way."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medcnn.io import read_image
from medcnn.io.conformance.example import encode, image_dataset, lut_item
from medcnn.io.lut_reading import modality, read_lut, windows

PLAIN = image_dataset(np.zeros((1, 1), np.uint16))
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
CURVE = (4095 * np.linspace(0, 1, 4096) ** 2).astype(int)


def read(folder, dataset):
    (folder / "a.dcm").write_bytes(encode(dataset))
    return read_image(folder / "a.dcm")


def item(descriptor=None, data=None, vr="US"):
    found = Dataset()
    if descriptor is not None:
        found.add_new("LUTDescriptor", "US", descriptor)
    if data is not None:
        found.add_new("LUTData", vr, data)
    return found


def test_a_count_of_zero_means_65536_entries():
    table, wrong = read_lut(lut_item((0, 0, 16), np.arange(65536)), PLAIN, is_signed=False)
    assert (len(table.entries), wrong) == (65536, "")
    assert table(np.array([65535.0]))[0] == 65535


def test_the_first_value_has_a_sign_only_where_the_input_has():
    table = lut_item((2, 65535, 8), (3, 255))
    assert read_lut(table, PLAIN, is_signed=True)[0].first == -1
    assert read_lut(table, PLAIN, is_signed=False)[0].first == 65535


@pytest.mark.parametrize(
    ("descriptor", "entries", "bits", "wrong"),
    [
        ((2, 0, 8), (0, 255), 8, ""),
        ((2, 0, 8), (0, 300), 9, "8 bits declared, 9 used: what the table holds is taken"),
        ((2, 0, 16), (0, 4095), 12, "16 bits declared, 12 used: what the table holds is taken"),
        ((2, 0, 8), (0, 1, 255), 8, "2 entries declared, 3 held: what the table holds is taken"),
        ((6, 0, 9), (0, 300), 9, "6 entries declared, 2 held: what the table holds is taken"),
    ],
)
def test_a_table_is_what_it_holds(descriptor, entries, bits, wrong):
    table, said = read_lut(lut_item(descriptor, entries), PLAIN, is_signed=False)
    assert (table.bits, table.entries.tolist(), said) == (bits, list(entries), wrong)


@pytest.mark.parametrize(
    ("data", "vr"),
    [
        (bytes([0, 51, 204, 255]), "OW"),
        ([51 << 8, 255 << 8 | 204], "US"),
        ([0, 51, 204, 255], "US"),
        (bytes([0, 0, 51, 0, 204, 0, 255, 0]), "OW"),
        ([0, 51, 204, 255], "SS"),
    ],
)
def test_entries_of_eight_bits_in_bytes_and_in_words(data, vr):
    table, wrong = read_lut(item([4, 0, 8], data, vr), PLAIN, is_signed=False)
    assert (table.entries.tolist(), wrong) == ([0, 51, 204, 255], "")


@pytest.mark.each(
    "broken",
    [
        item(None, b"\0\0", "OW"),
        item([2, 0], b"\0\0\0\0", "OW"),
        item([2, 0, 8]),
        item([2, 0, 40], b"\0\0\1\0", "OW"),
        item([2, 0, 0], b"\0\0\1\0", "OW"),
        item([2, 0, 8], b"\0\0\0\0", "OW"),
        item([2, 0, 8], b"", "OW"),
        item([2, 0, 8], "many", "LO"),
    ],
)
def test_a_broken_table_is_an_error(broken):
    with pytest.raises(ValueError, match="has"):
        read_lut(broken, PLAIN, is_signed=False)


BROKEN = {
    "no item": [],
    "an empty item": [Dataset()],
    "no descriptor": [item(None, [0, 1])],
    "an empty descriptor": [item([], [0, 1])],
    "no data": [item([4096, 0, 12])],
    "bits 0": [item([4096, 0, 0], list(range(4096)))],
    "zeros": [item([4096, 0, 12], [0] * 4096)],
    "text": [item([4096, 0, 12], "none", "LO")],
    "one value alone": [item([4096, 0, 12], [4095] * 4096)],
}


@pytest.mark.each("name", list(BROKEN))
def test_a_broken_lut_costs_no_pixels(tmp_path, name):
    expected = apply_voi_lut(RAMP, image_dataset(RAMP, **WINDOW)) / 4095
    keywords = {"VOILUTSequence": "voi_lut", "ModalityLUTSequence": "modality_lut"}
    if name in ("bits 0", "one value alone"):  # behind these a modality LUT is what it is
        del keywords["ModalityLUTSequence"]
    for keyword, kind in keywords.items():
        for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
            dataset = image_dataset(RAMP, syntax=syntax, **WINDOW, **{keyword: BROKEN[name]})
            image = read(tmp_path, dataset)
            np.testing.assert_allclose(image.pixels, expected, atol=1e-4)
            assert image.facts.notes[-1].kind == kind
            assert "is ignored" in image.facts.warnings[-1]


def test_an_element_that_is_no_sequence_costs_none_either(tmp_path):
    dataset = image_dataset(RAMP, **WINDOW)
    dataset.add_new("VOILUTSequence", "LO", "a table")
    image = read(tmp_path, dataset)
    assert image.facts.window.startswith("LINEAR window")
    assert [note.kind for note in image.facts.notes] == ["voi_lut"]


def test_the_next_good_item_is_taken(tmp_path):
    good = item([4096, 0, 12], [int(value) for value in CURVE])
    image = read(tmp_path, image_dataset(RAMP, **WINDOW, VOILUTSequence=[Dataset(), good]))
    np.testing.assert_allclose(image.pixels.ravel(), CURVE / 4095, atol=1e-6)
    assert len(image.facts.notes) == 1


@pytest.mark.parametrize("bits", [12, 14, 16])
def test_a_lut_that_says_too_many_bits_is_as_bright_as_pydicom_with_the_right_ones(tmp_path, bits):
    entries = [int(value) for value in CURVE]
    image = read(tmp_path, image_dataset(RAMP, VOILUTSequence=[item([4096, 0, bits], entries)]))
    right = image_dataset(RAMP, VOILUTSequence=[item([4096, 0, 12], entries)])
    np.testing.assert_allclose(image.pixels, apply_voi_lut(RAMP, right) / 4095, atol=1e-6)
    assert bool(image.facts.notes) == (bits != 12)


@pytest.mark.parametrize(
    ("first", "stored"),
    [(-2048, RAMP.astype(np.int16) - 2048), (63488, RAMP.astype(np.int16) - 2048)],
)
def test_a_modality_lut_of_signed_pixels_is_pydicoms(tmp_path, first, stored):
    table = lut_item((4096, first, 16), CURVE)
    dataset = image_dataset(stored, bits=16, ModalityLUTSequence=[table], **WINDOW)
    image = read(tmp_path, dataset)
    right = image_dataset(
        stored, bits=16, ModalityLUTSequence=[lut_item((4096, -2048, 16), CURVE)], **WINDOW
    )
    # pydicom's window ends in as many bits as are stored.
    expected = apply_voi_lut(apply_modality_lut(stored, right).astype(np.int32), right)
    np.testing.assert_allclose(image.pixels, expected / 65535, atol=1e-3)


def test_a_first_value_of_the_wrong_sign_is_turned(tmp_path):
    # The pixels have no sign and begin at 61440, which the descriptor writes as -4096.
    stored = RAMP + np.uint16(61440)
    table = lut_item((4096, -4096, 12), CURVE)
    image = read(tmp_path, image_dataset(stored, bits=16, VOILUTSequence=[table]))
    np.testing.assert_allclose(image.pixels.ravel(), CURVE / 4095, atol=1e-6)
    assert "61440 is taken" in image.facts.warnings[0]


@pytest.mark.each(
    ("slope", "intercept", "kinds"),
    [
        ("abc", "0", ["rescale"]),
        ("1", "n/a", ["rescale"]),
        ("NaN", "inf", ["rescale", "rescale"]),
        ("1e300", "0", ["rescale"]),
        ("", "", []),
        ("1.000000000000000000000000", "0", []),
        ("1,0", "0,0", []),
    ],
)
def test_a_rescale_that_is_no_number_is_none(tmp_path, slope, intercept, kinds):
    dataset = image_dataset(RAMP, **WINDOW)
    for tag, value in ((0x00281053, slope), (0x00281052, intercept)):
        dataset.add_new(tag, "LO", value)
    image = read(tmp_path, dataset)
    np.testing.assert_allclose(image.pixels.ravel(), np.arange(4096) / 4095, atol=1e-6)
    assert [note.kind for note in image.facts.notes] == kinds


def test_windows_pair_up_as_far_as_they_go():
    found, notes = windows(image_dataset(RAMP, WindowCenter=[1, 2, 3], WindowWidth=[4, 5]))
    assert [(window.center, window.width) for window in found] == [(1, 4), (2, 5)]
    assert notes == ()


def test_a_centre_without_a_width_is_said():
    found, (note,) = windows(image_dataset(RAMP, WindowCenter=[1]))
    assert (found, note.text) == ([], "Window Center without Window Width: it is ignored")


def test_without_a_lut_the_rescale_is_taken():
    found, notes = modality(image_dataset(RAMP, RescaleSlope=2), is_signed=False)
    assert (found.slope, notes) == (2, ())
