"""The helper process on real frames, and on one that makes CharLS spin for ten seconds."""

import multiprocessing

import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless, JPEGLSNearLossless

from medcnn.io import contained
from medcnn.io.conformance.syntax_cases import RAMP, codestream
from medcnn.io.contained import DecoderLimitError, decode_contained

OPTIONS = {
    "rows": 16,
    "columns": 16,
    "samples_per_pixel": 1,
    "photometric_interpretation": "MONOCHROME2",
    "bits_allocated": 16,
    "bits_stored": 12,
    "pixel_representation": 0,
    "planar_configuration": 0,
    "number_of_frames": 1,
    "pixel_keyword": "PixelData",
}


def decode(name="jpeg_ls", frame=None):
    return decode_contained(
        frame or codestream(name),
        syntax=JPEGLSLossless if name == "jpeg_ls" else JPEGLSNearLossless,
        plugin="pyjpegls",
        options=OPTIONS,
    )


def spinning():
    """Return a frame whose last 59 bytes of code are zero: CharLS takes its time over them."""
    frame = bytearray(codestream("jpeg_ls_near"))
    end = frame.rfind(b"\xff\xd9")
    frame[end - 58 : end + 1] = bytes(59)
    return bytes(frame)


def test_values_are_those_that_were_coded():
    np.testing.assert_array_equal(decode(), RAMP)


def test_one_process_serves_many_frames():
    decode()
    first = contained._KEPT.helper().process.pid
    decode("jpeg_ls_near")
    assert contained._KEPT.helper().process.pid == first


def test_a_frame_that_cannot_be_decoded_is_an_error_and_the_process_lives_on():
    decode()
    first = contained._KEPT.helper().process.pid
    with pytest.raises(ValueError, match="the decoder raised RuntimeError"):
        decode(frame=codestream("jpeg_ls")[:60])
    assert contained._KEPT.helper().process.pid == first
    np.testing.assert_array_equal(decode(), RAMP)


def test_a_spinning_decoder_is_ended_and_another_started(monkeypatch):
    monkeypatch.setattr(contained, "_LEAST_SECONDS", 1)
    with pytest.raises(DecoderLimitError, match="crashed or took too long"):
        decode("jpeg_ls_near", spinning())
    np.testing.assert_array_equal(decode(), RAMP)


def test_a_process_that_was_killed_is_replaced():
    decode()
    # Asked for once: a second call may find it dead, start another, and wait for that to end.
    killed = contained._KEPT.helper().process
    killed.kill()
    killed.wait(60)
    assert contained._KEPT.helper().process is not killed
    np.testing.assert_array_equal(decode(), RAMP)


def _largest(_index):
    return int(decode().max())


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this platform cannot fork"
)
def test_forked_workers_have_helpers_of_their_own():
    decode()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_largest, range(4)) == [int(RAMP.max())] * 4
    np.testing.assert_array_equal(decode(), RAMP)


def test_a_process_that_does_not_start_is_given_up(monkeypatch, tmp_path):
    worker = tmp_path / "hangs.py"
    worker.write_text("import sys\nsys.stdin.read()\n")
    monkeypatch.setattr(contained, "_WORKER", worker)
    monkeypatch.setattr(contained, "_CLOCK", 0.1)
    with pytest.raises(DecoderLimitError, match="does not start"):
        contained._Helper()
