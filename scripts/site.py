"""What the site needs beside MkDocs: pages that come and go, and links that leave the documents.

MkDocs calls the functions by their names (``hooks`` in mkdocs.yml). The documents link to the code,
which lies outside of them and has no address yet: each file they link to becomes a page of its own,
outside of the navigation and the search.
"""

from __future__ import annotations

import posixpath
import re
import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\(\.\./([\w./-]+?)(#[\w-]+)?( \"[^\"]*\")?\)")
BY_CHAPTER = {
    "How-to": {
        "export.md": "Export a run",
        "scale.md": "GPUs, several devices, clusters",
        "elsewhere.md": "Another hospital's images",
        "serve.md": "Serve a run",
        "pacs.md": "PACS and DICOM results",
    },
    "Results": {"recipes.md": "Recipes and their numbers"},
}
"""Pages that have a place as soon as they are there."""
LANGUAGES = {".py": "python", ".yaml": "yaml", ".toml": "toml", ".csv": "text"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give pages their place in the navigation."""
    nav: list[dict[str, Any]] = config.nav or []
    chapters = {title: pages for chapter in nav for title, pages in chapter.items()}
    for title, files in BY_CHAPTER.items():
        for file, name in files.items():
            if file not in str(chapters[title]) and (Path(config.docs_dir) / file).is_file():
                chapters[title].append({name: file})
    for path in sorted(Path(config.docs_dir).glob("*.md")):
        if path.name not in str(nav):  # a new page is found under its own heading
            chapters["How-to"].append(path.name)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file of the code that a document links to."""
    texts = [
        Path(file.abs_src_path).read_text(encoding="utf-8")
        for file in files.documentation_pages()
        if file.abs_src_path
    ]
    linked = {target for text in texts for target, _, _ in LINK.findall(text)}
    for target in sorted(linked):
        source = ROOT / target
        if source.exists():
            files.append(File.generated(config, page_of(target), content=_listing(source, target)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Point links to the code at its pages, and fill in what is made from the code."""
    made = _made().get(page.file.src_uri)
    if made is not None:
        markdown = f"{markdown}\n{made()}"
    here = posixpath.dirname(page.file.src_uri)

    def point(found: re.Match[str]) -> str:
        target = posixpath.relpath(page_of(found[1]), here or ".")
        return f"]({target}{found[3] or ''})"

    return LINK.sub(point, markdown)


@cache
def _made() -> dict[str, Callable[[], str]]:
    pages: dict[str, Callable[[], str]] = runpy.run_path(
        str(ROOT / "scripts" / "reference_pages.py")
    )["PAGES"]
    return pages


def page_of(target: str) -> str:
    """Return the page that shows a file.

    >>> page_of("medcnn/io/dicom.py")
    'code/medcnn/io/dicom.py.md'
    """
    return f"code/{target}.md"


def _listing(source: Path, target: str) -> str:
    head = f"---\nsearch:\n  exclude: true\nhide: [navigation]\n---\n# {target}\n\n"
    if source.is_dir():
        return head + "".join(f"* `{each.name}`\n" for each in sorted(source.iterdir()))
    if source.suffix == ".ipynb":
        return f"{head}A notebook, to be opened in Jupyter: `{target}` in the checkout.\n"
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".md":
        return head + "\n".join(f"    {line}" for line in text.splitlines()) + "\n"
    return f"{head}````{LANGUAGES.get(source.suffix, 'text')}\n{text}\n````\n"
