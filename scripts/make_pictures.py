"""Take the pictures of a report that the documents show, from a run: as a reader sees them first.

python scripts/make_pictures.py RUN_DIR docs/tutorial_report.png
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

WIDTH, HEIGHT = 1180, 760
"""Of the window, in pixels."""


def take_picture(page: Path, picture: Path) -> None:
    """Write what a browser shows of the top of a page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        shown.goto(page.resolve().as_uri())
        shown.screenshot(path=str(picture))
        browser.close()


def main() -> int:
    """Take the picture that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Take a picture of the head of a report.")
    parser.add_argument("run", type=Path, help="a run directory")
    parser.add_argument("picture", type=Path, help="the PNG file")
    given = parser.parse_args()
    take_picture(given.run / "report.html", given.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
