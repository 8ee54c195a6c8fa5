"""The table of ``medcnn check layers``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

_ANSWERS = {True: "yes", False: "NO", None: "once only"}


def render_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows of ``check_layers`` as a plain-text table."""
    table = Table(title="Layers against their references (float64)")
    table.add_column("layer", no_wrap=True)
    table.add_column("reference")
    for heading in (
        "forward\nerror",
        "gradient\nerror",
        "gradcheck",
        "gradgradcheck",
        "speed\nratio",
    ):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row["layer"],
            row["reference"],
            _number(row["max_forward_error"], ".1e"),
            _number(row["max_gradient_error"], ".1e"),
            _ANSWERS[row["gradcheck"]],
            _ANSWERS[row["gradgradcheck"]],
            _number(row["speed_ratio"], ".2f"),
        )
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
