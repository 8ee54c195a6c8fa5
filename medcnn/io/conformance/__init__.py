"""The proof of the reader: one small DICOM file a case, with the pixels that the standard asks for."""

from __future__ import annotations

from medcnn.io.conformance.check import check_dicom, failures
from medcnn.io.conformance.page import render_page, render_table

__all__ = ["check_dicom", "failures", "render_page", "render_table"]
