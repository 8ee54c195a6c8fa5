"""Write docs/configuration.md, the reference of every key, from the declared settings.

python scripts/write_configuration.py
"""

from __future__ import annotations

from pathlib import Path

from medcnn.cli import COMMANDS
from medcnn.commands.trees import TREES
from medcnn.search.settings import SearchSettings
from medcnn.settings.reference import reference

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"


def page() -> str:
    """Return the text of the page."""
    commands = {name: (each.config, TREES[each.config]) for name, each in COMMANDS.items()}
    return reference(commands, SearchSettings)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
