"""The console: where a command speaks to its user."""

from __future__ import annotations

from rich.console import Console

CONSOLE = Console(highlight=False, soft_wrap=True)
ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print one line, as it is."""
    CONSOLE.print(text, markup=False)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    ERRORS.print(f"warning: {text}", style="yellow", markup=False)
