"""The inventory of a network as text: a table of its layers, and where time and memory go."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from medcnn.models.inventory import FLOAT32_BYTES, Inventory, Layer

ADAMW_COPIES = 4
"""What training with AdamW keeps of every parameter: itself, its gradient, and two moments."""


WIDE = 150
"""Columns of text that the whole table needs; a narrower one leaves the arithmetic out."""


def render_table(inventory: Inventory, title: str, width: int = 160) -> str:
    """Return a row for each layer, and the totals.

    Args:
        inventory: Of the network.
        title: The heading.
        width: Columns of text that there are; below ``WIDE`` what does not fit is left out.
    """
    wide = width >= WIDE
    table = Table(title=title, show_footer=True) if wide else _narrow(title)
    table.add_column("layer", "total", no_wrap=not wide)
    table.add_column("kind", no_wrap=not wide)
    table.add_column("output")
    if wide:
        table.add_column("(n + 2P - F)/S + 1")
    table.add_column(
        "parameters" if wide else "params", f"{inventory.parameters:,}", justify="right"
    )
    table.add_column(
        "multiply-adds" if wide else "mult-add",
        _operations(inventory.multiply_adds, wide),
        justify="right",
    )
    table.add_column("field", justify="right")
    if wide:
        table.add_column("activations", _bytes(inventory.activation_bytes), justify="right")
    measured = inventory.milliseconds
    if measured is not None:
        table.add_column("ms", f"{measured:.2f}", justify="right")
    for layer in inventory.layers:
        table.add_row(*_row(layer, wide))
    console = Console(file=io.StringIO(), width=min(width, 160), force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _narrow(title: str) -> Table:
    return Table(title=title, show_footer=True, box=None, pad_edge=False, padding=(0, 1, 0, 0))


def _row(layer: Layer, wide: bool) -> list[str]:
    activations = _bytes(layer.activation_bytes) if layer.activation_bytes else ""
    return [
        layer.name or layer.kind,
        layer.kind,
        "×".join(map(str, layer.output)),
        *([layer.working or ""] if wide else []),
        f"{layer.parameters:,}" if layer.parameters else "",
        _operations(layer.multiply_adds, wide) if layer.multiply_adds else "",
        _field(layer),
        *([activations] if wide else []),
        *([] if layer.milliseconds is None else [f"{layer.milliseconds:.2f}"]),
    ]


def _operations(count: int, wide: bool) -> str:
    """Return a number of multiply-adds, in millions where there is little room."""
    return f"{count:,}" if wide else f"{count / 1e6:.1f} M"


def conclusions(inventory: Inventory, batch_size: int) -> list[str]:
    """Return where time and memory go, in sentences.

    Args:
        inventory: Of the network.
        batch_size: Images a training step.
    """
    weights = inventory.parameters * FLOAT32_BYTES
    training = ADAMW_COPIES * weights + batch_size * inventory.activation_bytes
    lines = [
        f"{inventory.parameters:,} parameters ({_bytes(weights)}), {inventory.multiply_adds:,} "
        f"multiply-adds an image; a training step takes about three times as many.",
        f"Multiply-adds: {_shares(inventory, lambda layer: layer.multiply_adds)}.",
        f"Parameters: {_shares(inventory, lambda layer: layer.parameters)}.",
        f"Activations: {_shares(inventory, lambda layer: layer.activation_bytes)}.",
        f"Training in float32 with AdamW and batches of {batch_size} keeps about {_bytes(training)}: "
        f"{_bytes(ADAMW_COPIES * weights)} for weights, gradients and moments, "
        f"{_bytes(batch_size * inventory.activation_bytes)} for activations.",
    ]
    if inventory.milliseconds is not None:
        lines.append(
            f"Measured here, {inventory.milliseconds:.1f} ms an image: "
            f"{_shares(inventory, lambda layer: layer.milliseconds or 0.0)}."
        )
    return lines


def _shares(inventory: Inventory, amount: Callable[[Layer], float]) -> str:
    """Return the shares of the kinds of layers, and of the stages, the greatest first."""
    kinds: dict[str, float] = defaultdict(float)
    stages: dict[str, float] = defaultdict(float)
    for layer in inventory.layers:
        kinds[layer.kind] += amount(layer)
        stages[layer.stage] += amount(layer)
    parts = [_greatest(counts) for counts in (kinds, stages) if len(counts) > 1]
    return "; by stage ".join(parts) or "all in one layer"


def _greatest(counts: dict[str, float]) -> str:
    total = sum(counts.values()) or 1
    ranked = sorted(counts.items(), key=lambda item: -item[1])[:4]
    return ", ".join(f"{name} {n / total:.0%}" for name, n in ranked if n / total >= 0.005)


def _field(layer: Layer) -> str:
    if isinstance(layer.receptive_field, tuple):
        height, width = layer.receptive_field
        return f"{height}" if height == width else f"{height}×{width}"
    return layer.receptive_field or ""


def _bytes(count: float) -> str:
    """Return a number of bytes for people, by powers of 1000."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
