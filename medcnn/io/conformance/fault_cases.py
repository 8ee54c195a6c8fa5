"""Files that cannot end as pixels: each has one typed error, raised before anything is decoded."""

from __future__ import annotations

from functools import partial

from pydicom import uid

from medcnn.io.conformance.case import Case
from medcnn.io.conformance.example import RAMP, file_of
from medcnn.io.conformance.table import cases_of


def _cut(syntax: uid.UID, end: int) -> bytes:
    return file_of(RAMP, syntax=syntax)[:end]


_CUT = partial(_cut, uid.ExplicitVRLittleEndian, -100)
_CUT_DEFLATED = partial(_cut, uid.DeflatedExplicitVRLittleEndian, -40)
_VIDEO = partial(file_of, RAMP, syntax=uid.MPEG2MPML, frames=[bytes(64)])

CASES = (
    *cases_of("fault"),
    Case("pixel data cut off", "PS3.5 8.1.1", _CUT, error="truncated"),
    Case("deflated data set cut off", "PS3.5 A.5", _CUT_DEFLATED, error="truncated"),
    Case("MPEG-2 video", "PS3.5 A.4.5", _VIDEO, error="unsupported"),
    Case("not DICOM at all", "PS3.10 7.1", lambda: b"hello, world" * 20, error="not_an_image"),
)
