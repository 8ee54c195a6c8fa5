import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from medcnn.io.conformance import check_dicom, render_page, render_table
from medcnn.io.conformance.check import Row

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_of_the_documentation_is_the_current_one():
    page = (ROOT / "docs" / "dicom.md").read_text(encoding="utf-8")
    assert page == render_page(check_dicom())


def test_the_table_says_what_failed_and_what_is_not_installed():
    row = Row("p", "c", "s", expected="0", result="1", passed=False)
    text = render_table([row, replace(row, passed=None)])
    assert "NO" in text
    assert "not installed" in text


def test_the_command_writes_the_page_without_torch(tmp_path):
    code = (
        "import sys; from medcnn.cli import run;"
        "code = run('check', sys.argv[1:]); assert 'torch' not in sys.modules; sys.exit(code)"
    )
    target = tmp_path / "page.md"
    done = subprocess.run(
        [sys.executable, "-c", code, "dicom", "LINEAR window", f"output={target}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "LINEAR window" in done.stdout
    assert "| LINEAR window | PS3.3 C.11.2.1.2.1 |" in target.read_text(encoding="utf-8")
