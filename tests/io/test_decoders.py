"""Which decoder is asked, and how one frame reaches it."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    UID,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
)

from medcnn.errors import ImageError
from medcnn.io import decoders
from medcnn.io.conformance.example import image_dataset
from medcnn.io.conformance.syntax_cases import RAMP, codestream
from medcnn.io.decoders import PREFERRED, check_depth, decode_frame, find_decoder
from medcnn.io.pixel_module import read_pixel_module

PATH = Path("a.dcm")


class Decoder:
    """A decoder as pydicom describes one of which only some plug-ins, or none, are installed."""

    def __init__(self, syntax, *plugins):
        self.UID, self.available_plugins, self.is_available = syntax, plugins, bool(plugins)
        self.missing_dependencies = ("gdcm - req. python-gdcm", "x - req. pylibjpeg>=2.0")


@pytest.mark.parametrize("syntax", PREFERRED)
def test_the_extra_installs_the_preferred_plug_in_of_each_syntax(syntax):
    assert PREFERRED[syntax] in find_decoder(syntax, PATH).available_plugins


@pytest.mark.parametrize(
    ("syntax", "found"), [(MPEG2MPML, "MPEG2"), (UID("1.x", validation_mode=0), "invalid")]
)
def test_a_syntax_without_decoder(syntax, found):
    with pytest.raises(ImageError, match="no decoder") as caught:
        find_decoder(syntax, PATH)
    assert caught.value.kind == "unsupported"
    assert found in caught.value.found


def test_a_decoder_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(decoders, "get_decoder", Decoder)
    with pytest.raises(ImageError, match="that is not installed") as caught:
        find_decoder(JPEG2000Lossless, PATH)
    assert caught.value.kind == "missing_decoder"
    assert caught.value.expected == "pylibjpeg>=2.0 or python-gdcm"
    assert "pip install -e '.[dicom]'" in caught.value.remedy


def test_pillow_alone_cannot_do_twelve_bits():
    check_depth(Decoder(JPEGExtended12Bit, "pillow"), 8, PATH)
    check_depth(Decoder(JPEGExtended12Bit, "pillow", "pylibjpeg"), 12, PATH)
    with pytest.raises(ImageError, match="above 8 bits"):
        check_depth(Decoder(JPEGExtended12Bit, "pillow"), 12, PATH)


@pytest.mark.parametrize("length", [1, 2, 7, 1000])
def test_a_frame_alone_is_encapsulated_as_pydicom_does_it(length):
    frame = bytes(np.random.default_rng(0).integers(0, 256, length, dtype=np.uint8))
    assert decoders._alone(frame) == encapsulate([frame], has_bot=False)


def test_without_the_preferred_plug_in_another_does_it(monkeypatch):
    dataset = image_dataset(RAMP, syntax=JPEGLosslessSV1, frames=[codestream("jpeg_lossless_sv1")])
    module = read_pixel_module(dataset, PATH, 1000)
    monkeypatch.setitem(PREFERRED, JPEGLosslessSV1, "not there")
    found = decode_frame(
        find_decoder(JPEGLosslessSV1, PATH), module, codestream("jpeg_lossless_sv1")
    )
    np.testing.assert_array_equal(found, RAMP)


def test_a_panic_becomes_a_value_error():
    # What PyO3 raises; it cannot be imported and is no Exception.
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(ValueError, match="panicked"), decoders._typed_panics():
        raise panic
    with pytest.raises(KeyboardInterrupt), decoders._typed_panics():
        raise KeyboardInterrupt
