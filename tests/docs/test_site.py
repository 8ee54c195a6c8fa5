"""The site builds without a warning, needs no network, and has no dead link."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
mkdocs = pytest.importorskip("mkdocs.commands.build")


class Links(HTMLParser):
    """What a page points to, what it loads, and the places in it that can be pointed to."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.loaded, self.places = set(), set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.places |= {given.get("id"), given.get("name")} - {None}
        if tag == "a" and given.get("href"):
            self.targets.add(given["href"])
        if tag in ("img", "script", "iframe") and given.get("src"):
            self.loaded.add(given["src"])
        if tag == "link" and given.get("href"):
            self.loaded.add(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort

    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(folder))
    try:
        mkdocs.build(config)
    except Abort:
        pytest.fail("mkdocs build --strict has warnings")
    return folder


@pytest.fixture(scope="module")
def pages(site):
    files = [*site.rglob("*.html")]
    return {file: Links(file.read_text(encoding="utf-8")) for file in files}


def test_no_link_is_dead(site, pages):
    dead = []
    for file, page in pages.items():
        if file.name == "404.html":  # served from anywhere, it has absolute links
            continue
        for target in page.targets | page.loaded:
            if re.match(r"[a-z]+:", target):
                continue
            path, _, place = target.partition("#")
            there = (file.parent / unquote(path)).resolve() if path else file
            known = pages[there].places if there in pages else set()
            if not there.is_file() or (place and there in pages and unquote(place) not in known):
                dead.append((file.relative_to(site).as_posix(), target))
    assert not dead


def test_nothing_is_loaded_from_elsewhere(site, pages):
    loaded = {each for page in pages.values() for each in page.loaded}
    assert not {each for each in loaded if re.match(r"(https?:)?//", each)}
    styles = "".join(file.read_text(encoding="utf-8") for file in site.rglob("*.css"))
    assert not re.search(r"url\(\s*['\"]?https?:", styles)


def test_a_search_without_a_server_finds_a_word_of_the_table_of_keys(site):
    (index,) = site.rglob("search_index.js")  # of the plug-in offline; .json is not read from files
    assert "data.columns.label" in index.read_text(encoding="utf-8")


def test_every_page_has_a_place_in_the_navigation(pages, site):
    reached = {
        (site / "index.html").parent / unquote(target.partition("#")[0])
        for target in pages[site / "index.html"].targets
    }
    written = {site / file.with_suffix(".html").name for file in (ROOT / "docs").glob("*.md")}
    assert written <= {path.resolve() for path in reached} | {site / "index.html"}


def test_the_python_reference_is_made_of_the_docstrings(site):
    text = (site / "api.html").read_text(encoding="utf-8")
    for name in ("medcnn.api.train", "medcnn.api.Run.report", "medcnn.errors.DataError"):
        assert f'id="{name}"' in text
    assert "Return the report, which a notebook shows" in text
