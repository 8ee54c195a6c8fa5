"""One look for all figures, on paper as PNG and on screen as theme-aware inline SVG.

Figures are drawn in the light theme's colours. In the inline SVG each of these colours becomes a CSS
variable of the report, so that one drawing serves light, dark and print. The two classes are blue
and vermilion of the Okabe–Ito set, which readers with any colour-vision deficiency tell apart; line
styles and labels carry the same distinction.
"""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any, Literal

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from medcnn.reporting.wording import Wording

INK = "#1c2733"
MUTED = "#5b6773"
RULE = "#dfe4e8"
PAPER = "#fefefe"
NORMAL = "#0b6aa8"
ABNORMAL = "#c2500a"
ACCENT = "#0f5c63"
SOFT = "#cfe3e4"
FAINT = "#eef3f4"
_VARIABLES = {
    INK: "--fig-ink",
    MUTED: "--fig-muted",
    RULE: "--fig-rule",
    PAPER: "--fig-paper",
    NORMAL: "--fig-normal",
    ABNORMAL: "--fig-abnormal",
    ACCENT: "--fig-accent",
    SOFT: "--fig-soft",
    FAINT: "--fig-faint",
}
_FONT = "DejaVu Sans"
# Any: matplotlib's stubs ask for a literal type of every parameter name.
_STYLE: Any = {
    "font.family": _FONT,
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 5,
    "ytick.major.pad": 5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def new_figure(
    width: float = 4.6, height: float = 4.2, columns: int = 1, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure in the house style and its axes.

    Args:
        width: In inches.
        height: In inches.
        columns: The number of axes side by side.
        options: What ``Figure.subplots`` takes.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False, **options)
    return figure, list(axes[0])


def unit_square(axes: Axes, words: Wording) -> None:
    """Frame both axes as proportions from 0 to 1 with equal scales."""
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), aspect="equal")
    proportions(axes, words, "x")
    proportions(axes, words, "y")


def proportions(axes: Axes, words: Wording, which: Literal["x", "y"]) -> None:
    """Mark one axis with proportions from 0 to 1."""
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    labels = [words.number(tick, 1) for tick in ticks]
    (axes.set_xticks if which == "x" else axes.set_yticks)(ticks, labels)


def plain_numbers(words: Wording) -> FuncFormatter:
    """Return a formatter of tick labels in the report's language."""
    return FuncFormatter(lambda value, _: words.number(value, 3).rstrip("0").rstrip(".,"))


def localise(axes: Axes, words: Wording) -> None:
    """Write the tick labels of both axes in the report's language."""
    axes.xaxis.set_major_formatter(plain_numbers(words))
    axes.yaxis.set_major_formatter(plain_numbers(words))


def legend(axes: Axes, **options: Any) -> None:
    """Add a frameless legend in the house style, where there is anything to name."""
    if not axes.get_legend_handles_labels()[0]:
        return
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, handlelength=1.8, **options)


def lay_out(figure: Figure) -> None:
    """Give the parts of a figure their places, once for all: each saving would draw it for that."""
    engine = figure.get_layout_engine()
    if engine is not None:
        with mpl.rc_context(_STYLE):
            engine.execute(figure)
        figure.set_layout_engine(None)


def to_png(figure: Figure) -> bytes:
    """Return the figure as a PNG on white, 160 dots an inch."""
    lay_out(figure)
    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(
            buffer, format="png", dpi=160, facecolor="white", metadata={"Software": None}
        )
    return buffer.getvalue()


def to_pdf(figure: Figure) -> bytes:
    """Return the figure as a PDF with the shapes of its letters.

    To embed the fonts (``pdf.fonttype`` 42) takes five times as long as all else; who has to hand
    them in has the SVG, whose letters are text.
    """
    lay_out(figure)
    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()


def to_svg(figure: Figure, name: str, alt: str) -> Markup:
    """Return the figure as an SVG element that follows the page's theme and font.

    Args:
        figure: The figure.
        name: Makes the identifiers inside unique on the page.
        alt: What the figure says, for readers who do not see it.
    """
    return inline_svg(svg_file(figure, name), alt)


def svg_file(figure: Figure, name: str) -> str:
    """Return the figure as the text of an SVG file, its letters as text that can be edited."""
    lay_out(figure)
    buffer = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


def inline_svg(text: str, alt: str) -> Markup:
    """Return what ``svg_file`` drew as an element of a page, in the colours of its theme."""
    text = text[text.index("<svg") :]
    text = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL
    )
    text = re.sub(r'\s(?:xmlns(?::\w+)?|version)="[^"]*"', "", text)
    text = re.sub(r'<g id="[\w.-]+"', "<g", text)
    text = text.replace("xlink:href", "href").replace(f"'{_FONT}'", "var(--sans)")
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    box = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', text)
    size = f'style="width:{float(box[1]) * 4 / 3:.0f}px"' if box else ""
    head = f'<svg class="figure" role="img" aria-label="{escape(alt)}" focusable="false" {size}'
    text = re.sub(r'^<svg\s+width="[^"]*" height="[^"]*"', head, text)
    return Markup(re.sub(r"\n\s*", "\n", text))  # noqa: S704  matplotlib escapes what it writes
