"""Every file that the documents point to exists, and holds the name by which they point to it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)(?: \"([^\"]+)\")?\)")
FOLDERS = "medcnn|configs|docs|tests|scripts|notebooks"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]+)`")


def links():
    for page in PAGES:
        for text, target, title in LINK.findall(page.read_text()):
            if "://" not in target:
                named = title or (text.strip("`") if text.startswith("`") else "")
                yield page.name, named, (page.parent / target.partition("#")[0]).resolve()


@cache
def names(file):
    """Return the file's stem and what it defines at its top level, without importing it."""
    found = {file.stem}
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_every_link_leads_somewhere():
    found = sorted(set(links()))
    assert not [(page, target) for page, _, target in found if not target.exists()]
    code = [each for each in found if each[2].suffix == ".py" and each[1]]
    assert not [(page, named) for page, named, target in code if named not in names(target)]


@pytest.mark.each("page", PAGES)
def test_the_paths_in_the_text_exist(page):
    paths = [path for path in PATH.findall(page.read_text()) if "NAME" not in path]
    absent = [path for path in paths if not (ROOT / path).exists()]
    assert not absent


def test_every_page_is_reached_from_another():
    linked = {target.name for page, _, target in links() if page != target.name}
    assert {page.name for page in PAGES if page.parent.name == "docs"} <= linked
