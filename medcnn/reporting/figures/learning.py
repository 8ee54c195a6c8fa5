"""Learning curves with the epoch whose weights were kept."""

from __future__ import annotations

import numpy as np
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


def best_epoch(metrics: pd.DataFrame | None, monitor: str | None) -> int | None:
    """Return the epoch whose weights were kept, or None where the run does not tell.

    Args:
        metrics: The learning curves, one row an epoch; None where there are none.
        monitor: What the run watched, ``callbacks.monitor``: a loss is best where it is lowest,
            anything else where it is highest. The first of equally good epochs is kept. The members of
        an ensemble have an epoch each.
    """
    if (
        metrics is None
        or "member" in metrics
        or monitor is None
        or monitor not in metrics
        or metrics[monitor].isna().all()
    ):
        return None
    rows = metrics[["epoch", monitor]].dropna().to_numpy(np.float64)
    row = rows[:, 1].argmin() if monitor.endswith("loss") else rows[:, 1].argmax()
    return int(rows[row, 0])


def learning_curves(metrics: pd.DataFrame, best: int | None, words: Wording) -> Figure:
    """Draw loss, AUROC and, where it is known, the learning rate over the epochs.

    Args:
        metrics: The learning curves, one row an epoch.
        best: The epoch to mark, from 0 as in the curves; the figure counts from 1.
        words: The language.
    """
    has_rate = "lr" in metrics and metrics["lr"].notna().any()
    figure, panels = new_figure(9.6 if has_rate else 7.2, 3.2, 3 if has_rate else 2)
    _panel(panels[0], metrics, ("train_loss", "val_loss"), words("fig.loss"), words)
    _panel(panels[1], metrics, ("train_auroc", "val_auroc"), words("measure.auroc"), words)
    if has_rate:
        _panel(panels[2], metrics, ("lr",), words("fig.learning_rate"), words)
        panels[2].set_yscale("log")
    for axes in panels:
        if best is not None:
            axes.axvline(
                best + 1, color=ABNORMAL, lw=1, ls=(0, (2, 2)), label=words("fig.best_epoch")
            )
    legend(panels[0])
    return figure


def _panel(
    axes: Axes, metrics: pd.DataFrame, names: tuple[str, ...], title: str, words: Wording
) -> None:
    localise(axes, words)
    for name in names:
        if name not in metrics:
            continue
        colour, style = (NORMAL, (0, (5, 1.5))) if name.startswith("train") else (ACCENT, "-")
        label = words(f"fig.{name.split('_', maxsplit=1)[0]}") if "_" in name else None
        known = metrics[metrics[name].notna()]
        models = known.groupby("member") if "member" in known else [("", known)]
        for _, rows in models:
            marker = "o" if len(rows) < 3 else None
            axes.plot(
                rows["epoch"] + 1,
                rows[name],
                color=colour,
                ls=style,
                lw=1.6 if "member" not in metrics else 0.9,
                marker=marker,
                label=label,
            )
            label = None
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel(words("fig.epoch"), color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
