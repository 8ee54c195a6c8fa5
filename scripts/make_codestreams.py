"""Writes medcnn/io/conformance/codestreams.json: one ramp, coded by encoders that medcnn does not need.

Needs ``pip install imagecodecs`` (libjpeg-turbo 3 for 12-bit and lossless JPEG, OpenJPH
for HTJ2K, CharLS, OpenJPEG).
medcnn decodes JPEG and HTJ2K by other libraries, so that neither checks itself.
"""

import base64
import json
from pathlib import Path

import imagecodecs
import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "medcnn/io/conformance/codestreams.json"
RAMP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)

STREAMS = {
    "jpeg_ls": imagecodecs.jpegls_encode(RAMP, level=0),
    "jpeg_ls_near": imagecodecs.jpegls_encode(RAMP, level=2),
    "jpeg_2000_lossless": imagecodecs.jpeg2k_encode(
        RAMP, codecformat="j2k", reversible=True, bitspersample=12, resolutions=3
    ),
    "jpeg_2000_lossless_signed": imagecodecs.jpeg2k_encode(
        RAMP.astype(np.int16) - np.int16(2048), codecformat="j2k", reversible=True, resolutions=3
    ),
    "jpeg_2000": imagecodecs.jpeg2k_encode(
        RAMP, level=60, codecformat="j2k", reversible=False, bitspersample=12, resolutions=3
    ),
    "jpeg_extended": imagecodecs.jpeg8_encode(RAMP, level=98, bitspersample=12),
    "jpeg_lossless": imagecodecs.jpeg8_encode(RAMP, lossless=True, predictor=4, bitspersample=12),
    "jpeg_lossless_sv1": imagecodecs.jpeg8_encode(
        RAMP, lossless=True, predictor=1, bitspersample=12
    ),
    "htj2k_lossless": imagecodecs.htj2k_encode(RAMP, reversible=True),
    "htj2k_lossless_rpcl": imagecodecs.htj2k_encode(RAMP, reversible=True, tlm=True),
    "htj2k": imagecodecs.htj2k_encode(RAMP, level=0.0001, reversible=False),
}

if __name__ == "__main__":
    text = {name: base64.b64encode(stream).decode() for name, stream in STREAMS.items()}
    TARGET.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
    print({name: len(stream) for name, stream in STREAMS.items()})
