"""The flow of images through the study, after the STARD diagram (Bossuyt et al., BMJ 2015)."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from medcnn.reporting.figures.style import ACCENT, FAINT, INK, MUTED, RULE, new_figure
from medcnn.reporting.flow import CALLS, Flow, Group
from medcnn.reporting.wording import Wording

_HIGH = 0.74


def flow_diagram(flow: Flow, split: str, words: Wording) -> Figure:
    """Draw the boxes from what was found, through splits and decisions, to the four outcomes."""
    top = 5.89 if flow.found is not None else 3.41
    figure, (axes,) = new_figure(9.2, top + 0.4)
    axes.set(xlim=(0, 10), ylim=(0, top + 0.45))
    axes.axis("off")
    y = top
    if flow.found is not None:
        _box(axes, 5, y, 3.2, words("flow.found"), _describe(flow.found, words))
        count = words("flow.unknown") if flow.unreadable is None else words.count(flow.unreadable)
        _aside(axes, 5, y - 0.62, words("flow.unreadable", n=count))
        if flow.repeated:
            count = words.count(flow.repeated)
            _aside(axes, 5, y - 0.62, words("flow.repeated", n=count), -1)
        y -= 1.24
        _splits(axes, flow, y, split, words)
        y -= 1.24
    x = _split_x(flow, split) if flow.found is not None else 5.0
    if flow.not_evaluated is not None:
        _aside(
            axes, x, y + 0.62, words("flow.not_evaluated", n=words.count(flow.not_evaluated)), -1
        )
    _box(axes, x, y, 3.0, words("flow.evaluated"), _describe(flow.evaluated, words), strong=True)
    if flow.outcomes:
        _outcomes(axes, flow, x, y, words)
    return figure


def _splits(axes: Axes, flow: Flow, y: float, split: str, words: Wording) -> None:
    _line(axes, [5, 5], [y + 1.24 - _HIGH / 2, y + 0.55])
    places = [_split_x(flow, name) for name in flow.splits]
    if len(places) > 1:
        _line(axes, [min(places), max(places)], [y + 0.55, y + 0.55])
    for name, x in zip(flow.splits, places, strict=True):
        _line(axes, [x, x], [y + 0.55, y + _HIGH / 2], arrow=True)
        text = _describe(flow.splits[name], words)
        _box(axes, x, y, 3.0, words.name("split", name), text)
        if name == split:
            _line(axes, [x, x], [y - _HIGH / 2, y - 1.24 + _HIGH / 2], arrow=True)


def _outcomes(axes: Axes, flow: Flow, x: float, y: float, words: Wording) -> None:
    """Draw the decisions below the cases at ``x``, and the reference standard below each."""
    below, places = y - 1.24, (2.535, 7.465)
    _line(axes, [x, x], [y - _HIGH / 2, below + 0.55])
    _line(axes, [min(x, *places), max(x, *places)], [below + 0.55, below + 0.55])
    for (name, cells), place in zip(CALLS.items(), places, strict=True):
        _line(axes, [place, place], [below + 0.55, below + _HIGH / 2], arrow=True)
        counts = [flow.outcomes.get(cell) for cell in cells]
        _box(axes, place, below, 3.0, words(f"flow.{name}"), _called(flow, name, words))
        under = (place - 1.235, place + 1.235)
        _line(axes, [place, place], [below - _HIGH / 2, below - 0.69])
        _line(axes, list(under), [below - 0.69, below - 0.69])
        for cell, count, at in zip(cells, counts, under, strict=True):
            _line(axes, [at, at], [below - 0.69, below - 1.24 + _HIGH / 2], arrow=True)
            _box(axes, at, below - 1.24, 2.2, words(f"outcome.{cell}"), words.count(count))


def _called(flow: Flow, name: str, words: Wording) -> str:
    referred = flow.called_but_referred(name)
    total = words.count(flow.called(name))
    return total + (f" · {words('flow.referred', n=words.count(referred))}" if referred else "")


def _split_x(flow: Flow, name: str) -> float:
    names = list(flow.splits)
    return (
        5.0
        if name not in names or len(names) == 1
        else 1.7 + 6.6 * names.index(name) / (len(names) - 1)
    )


def _describe(group: Group, words: Wording) -> str:
    keys = {"image": "images", "study": "studies", "patient": "patients"}
    parts = [words(f"flow.{keys[group.unit]}", n=words.count(group.cases))]
    if group.patients is not None and group.unit != "patient":
        parts.append(words("flow.patients", n=words.count(group.patients)))
    if group.abnormal is not None:
        parts.append(words("flow.abnormal", share=words.percent(group.prevalence, 0)))
    return " · ".join(parts)


def _box(
    axes: Axes, x: float, y: float, width: float, title: str, text: str, *, strong: bool = False
) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - _HIGH / 2),
            width,
            _HIGH,
            boxstyle="round,pad=0,rounding_size=0.08",
            fc=FAINT,
            ec=ACCENT if strong else RULE,
            lw=1.4 if strong else 0.9,
        )
    )
    axes.text(x, y + 0.13, title, ha="center", va="center", fontsize=8.5, color=INK, weight="bold")
    axes.text(
        x, y - 0.16, text, ha="center", va="center", fontsize=7.5, color=MUTED, parse_math=False
    )


def _aside(axes: Axes, x: float, y: float, text: str, side: int = 1) -> None:
    _line(axes, [x, x + 0.35 * side], [y, y], arrow=True)
    align = "left" if side > 0 else "right"
    axes.text(x + 0.42 * side, y, text, ha=align, va="center", fontsize=7.5, color=MUTED)


def _line(axes: Axes, x: list[float], y: list[float], *, arrow: bool = False) -> None:
    style = {
        "arrowstyle": "-|>" if arrow else "-",
        "color": MUTED,
        "lw": 0.9,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate("", xy=(x[-1], y[-1]), xytext=(x[0], y[0]), arrowprops=style)
