"""Learning curves with the epoch whose weights were kept."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from medcnn.reporting.figures.style import (
    ABNORMAL,
    ACCENT,
    MUTED,
    NORMAL,
    legend,
    localise,
    new_figure,
)
from medcnn.reporting.wording import Wording


def best_epoch(metrics: pd.DataFrame) -> int | None:
    """Return the epoch with the highest validation AUROC, or else the lowest validation loss."""
    for name, pick in (("val_auroc", "idxmax"), ("val_loss", "idxmin")):
        column = metrics[name].dropna() if name in metrics else pd.Series(dtype=float)
        if len(column):
            return int(metrics.loc[getattr(column, pick)(), "epoch"])
    return None


def learning_curves(metrics: pd.DataFrame, words: Wording) -> Figure:
    """Draw loss, AUROC and, where it is known, the learning rate over the epochs."""
    has_rate = "lr" in metrics and metrics["lr"].notna().any()
    figure, panels = new_figure(9.6 if has_rate else 7.2, 3.2, 3 if has_rate else 2)
    best = best_epoch(metrics)
    _panel(panels[0], metrics, ("train_loss", "val_loss"), words("fig.loss"), words)
    _panel(panels[1], metrics, ("train_auroc", "val_auroc"), words("measure.auroc"), words)
    if has_rate:
        _panel(panels[2], metrics, ("lr",), words("fig.learning_rate"), words)
        panels[2].set_yscale("log")
    for axes in panels:
        if best is not None:
            axes.axvline(best, color=ABNORMAL, lw=1, ls=(0, (2, 2)), label=words("fig.best_epoch"))
    legend(panels[0])
    return figure


def _panel(
    axes: Axes, metrics: pd.DataFrame, names: tuple[str, ...], title: str, words: Wording
) -> None:
    localise(axes, words)
    for name in names:
        if name not in metrics:
            continue
        rows = metrics[["epoch", name]].dropna()
        colour, style = (NORMAL, (0, (5, 1.5))) if name.startswith("train") else (ACCENT, "-")
        label = words(f"fig.{name.split('_', maxsplit=1)[0]}") if "_" in name else None
        marker = "o" if len(rows) < 3 else None
        axes.plot(
            rows["epoch"], rows[name], color=colour, ls=style, lw=1.6, marker=marker, label=label
        )
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel(words("fig.epoch"), color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
