"""The page of the reference is the one that the fields make, with every key in it."""

import runpy
from pathlib import Path

import pytest

from medcnn.commands.trees import TREES
from medcnn.settings.fields import keys
from medcnn.settings.help import FIRST

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_the_page_is_current():
    made = runpy.run_path(str(ROOT / "scripts" / "write_configuration.py"))["page"]()
    assert made == PAGE, "run python scripts/write_configuration.py"


@pytest.mark.parametrize("command", TREES)
def test_no_key_is_missing(command):
    for key, leaf in keys(TREES[command]):
        assert leaf.component or f"| `{key}` |" in PAGE, key


def test_what_people_change_most_comes_first():
    places = [PAGE.index(f"| `{key}` |") for key in FIRST]
    assert places == sorted(places)
    assert places[-1] < PAGE.index("| `name` |")
