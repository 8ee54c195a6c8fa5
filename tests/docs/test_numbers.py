"""The page that checks our numbers with other libraries: its block runs, and both sides agree."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "numbers.md").read_text(encoding="utf-8")


def test_each_line_prints_the_same_twice(trained_run):
    (code,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    shown = []
    names = {"print": lambda *sides: shown.append(sides)}
    exec(code.replace("RUN_DIR", str(trained_run.path)), names)  # noqa: S102  the page is ours
    lines = [node for node in ast.walk(ast.parse(code)) if getattr(node, "id", "") == "print"]
    assert len(shown) == len(lines) == 5
    for ours, theirs in shown:
        assert np.asarray(ours) == pytest.approx(np.asarray(theirs), abs=1e-9)
