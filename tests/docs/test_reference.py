"""What the site adds to the pages of the reference describes what there is, and what a run leaves."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from medcnn.cli import COMMANDS
from medcnn.files.plain import read_json
from medcnn.reporting.glossary import glossary
from medcnn.reporting.wording import Wording

ROOT = Path(__file__).resolve().parents[2]
MADE = runpy.run_path(str(ROOT / "scripts" / "reference_pages.py"))["PAGES"]


def test_every_command_and_every_term_of_the_report_is_there():
    commands = MADE["commands.md"]()
    for name in COMMANDS:
        assert f"\n## {name}\n" in f"\n{commands}"
    assert "  data.columns.label=null" in commands
    assert MADE["glossary.md"]().count("\n:   ") == len(glossary(Wording()))


def documented():
    """Return the keys of every table of the page on results, by the record that it describes."""
    parts = f"\n{MADE['results.md']()}".split("\n## ")[1:]
    return {
        part.partition("\n")[0]: dict(re.findall(r"^\| \*?`(\w+)`\*? .*\| (.+) \|$", part, re.M))
        for part in parts
    }


def test_every_key_that_a_run_leaves_is_on_the_page(trained_run):
    tables = documented()
    lacking = []

    def hold(value, place, table):
        for key, inner in value.items():
            if key not in tables[table]:
                lacking.append(f"{place}{key}")
                continue
            linked = re.search(r"\[(\w+)\]", tables[table][key])
            entries = inner if isinstance(inner, list) else [inner]
            if tables[table][key].startswith("by name") and isinstance(inner, dict):
                entries = list(inner.values())
            for each in entries:
                if linked and isinstance(each, dict):
                    hold(each, f"{place}{key}.", linked[1])

    hold(read_json(trained_run.results), "", "The whole")
    hashes = {"threshold.sha256", "threshold.predictions_sha256"}
    assert set(lacking) <= {"notices", "verdict.notices", *hashes}  # told of above the tables
