import re

import numpy as np

from medcnn.reporting.figures.style import (
    INK,
    localise,
    new_figure,
    to_pdf,
    to_png,
    to_svg,
    unit_square,
)
from medcnn.reporting.wording import Wording


def drawn(language="en"):
    figure, (axes,) = new_figure()
    axes.plot([0, 1], [0, 0.5], color=INK)
    axes.set_title('<script> & "quotes"')
    localise(axes, Wording(language))
    return figure


def test_svg_follows_the_theme_and_lets_nothing_through():
    svg = str(to_svg(drawn(), "x", 'says "this" & that'))
    assert svg.startswith('<svg class="figure" role="img" aria-label="says &quot;this&quot; &amp;')
    assert "var(--fig-ink)" in svg
    assert INK not in svg
    assert "<script>" not in svg
    assert re.search(r"<style|<metadata|https?://", svg) is None


def test_two_figures_on_a_page_share_no_identifier():
    names = [set(re.findall(r'id="([^"]+)"', str(to_svg(drawn(), name, "")))) for name in "ab"]
    assert names[0].isdisjoint(names[1])


def test_the_same_figure_is_the_same_bytes():
    assert to_svg(drawn(), "x", "") == to_svg(drawn(), "x", "")
    assert to_png(drawn()) == to_png(drawn())
    assert to_pdf(drawn()) == to_pdf(drawn())
    assert to_png(drawn())[:8] == b"\x89PNG\r\n\x1a\n"


def test_ticks_speak_german():
    figure, (axes,) = new_figure()
    unit_square(axes, Wording("de"))
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["0,0", "0,2", "0,4", "0,6", "0,8", "1,0"]
    svg = str(to_svg(drawn("de"), "x", ""))
    assert ">0,25<" in svg or ">0,2<" in svg
    assert np.isfinite(figure.get_size_inches()).all()
