"""The console: where a command speaks to its user."""

from __future__ import annotations

import re
import sys
import textwrap

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def _console(*, stderr: bool) -> Console:
    """Return a console; in a notebook one of plain lines.

    A notebook's streams call themselves terminals and show every stroke of a bar as a line of its own,
    and rich's bars for notebooks ask for another package and stay as empty boxes.
    """
    notebook = "ipykernel" in sys.modules
    return Console(
        stderr=stderr,
        highlight=False,
        soft_wrap=True,
        force_jupyter=False,
        force_terminal=False if notebook else None,
    )


CONSOLE = _console(stderr=False)
ERRORS = _console(stderr=True)
_LABEL = re.compile(r"\s*\S+(?: \S+)* {2,}|\s*")


def say(text: str) -> None:
    """Print one line, as it is; on a terminal that is too narrow, break it between words."""
    CONSOLE.print(folded(text, CONSOLE.width) if CONSOLE.is_terminal else text, markup=False)


def progress_bars(
    console: Console = ERRORS, *, shown: bool = True, leave: bool = False
) -> Progress:
    """Return the bars that every long work shows: what is done, how many of how many, how long yet.

    Args:
        console: Where what is printed meanwhile goes too; its lines appear above the bar.
        shown: Whether there is anything to see.
        leave: Whether a bar stays when its work is done.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not shown, transient=not leave
    )


def folded(text: str, width: int) -> str:
    """Break each line at ``width``, its further lines below the text that its label stands before.

    Paths and overrides may be longer than that and stay whole: they are there to be copied.

    >>> print(folded("warning      too few cases of a class", 28))
    warning      too few cases
                 of a class
    """
    return "\n".join(_folded(line, width) for line in text.splitlines())


def _folded(line: str, width: int) -> str:
    label = _LABEL.match(line)
    indent = label.end() if label and label.end() < width // 2 else 0
    pieces = textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(pieces)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    text = f"warning: {text}"
    shown = folded(text, ERRORS.width) if ERRORS.is_terminal else text
    ERRORS.print(shown, style="yellow", markup=False)
