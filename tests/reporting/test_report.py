from __future__ import annotations

import re

from medcnn.reporting.wording import LANGUAGES, catalogue
from medcnn.run.directory import RunDir


def test_every_string_stands_in_every_language() -> None:
    assert all(set(entry) == set(LANGUAGES) for entry in catalogue().values())


def test_report_names_no_external_address_and_escapes_warnings(reported_run: RunDir) -> None:
    page = reported_run.report.read_text("utf-8")
    assert re.search(r"https?://", page) is None
    assert "&lt;findings&gt;" in page and "<findings>" not in page
