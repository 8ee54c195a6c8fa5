"""Every figure of a report, drawn once for the page and for files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.measures import effective_confusion
from medcnn.reporting.cases import doubt_measure, wrong_decisions
from medcnn.reporting.contents import Contents
from medcnn.reporting.figures import curves, decisions, learning, scores, uncertainty
from medcnn.reporting.figures.flow import flow_diagram
from medcnn.reporting.figures.style import inline_svg, svg_file, to_pdf, to_png
from medcnn.reporting.figures.subgroups import ForestRow, forest
from medcnn.reporting.flow import count_flow
from medcnn.reporting.new_site import forest_rows
from medcnn.reporting.tables import HEADLINE, named
from medcnn.reporting.wording import Wording

FOREST_ROWS = 40


@dataclass(frozen=True)
class Plate:
    """One figure of the report.

    Attributes:
        name: The stem of its files.
        caption: How to read it.
        svg: The inline SVG element, with its alternative text.
        files: The same as PNG, SVG and PDF files, by suffix.
    """

    name: str
    caption: str
    svg: Markup
    files: dict[str, bytes]


@dataclass(frozen=True)
class Drawing:
    """A figure before it is written out.

    Attributes:
        name: The stem of its files.
        figure: The figure.
        facts: What its alternative text says beyond the caption.
        caption: The key of its caption below ``caption.``; its name by default.
    """

    name: str
    figure: Figure
    facts: str = ""
    caption: str = ""


def draw_plates(contents: Contents, words: Wording) -> dict[str, Plate]:
    """Draw every figure that the contents allow, by name."""
    plates = {}
    for drawing in _figures(contents, words):
        name, figure = drawing.name, drawing.figure
        level = words.percent(contents.results.level, 0)
        caption = words(f"caption.{drawing.caption or name}", level=level)
        text = svg_file(figure, name)
        files = {"png": to_png(figure), "svg": text.encode(), "pdf": to_pdf(figure)}
        svg = inline_svg(text, f"{caption} {drawing.facts}".strip())
        plates[name] = Plate(name, caption, svg, files)
    return plates


def _figures(contents: Contents, words: Wording) -> Iterator[Drawing]:
    results, label_N, score_N = contents.results, contents.label_N, contents.score_N
    yield _roc(contents, words)
    pr = curves.precision_recall(
        label_N, score_N, results.sensitivity, results.ppv, results.average_precision, words
    )
    yield Drawing("precision_recall", pr)
    counts = contents.outcomes
    facts = ", ".join(f"{words(f'outcome.{cell}')} {count}" for cell, count in counts.items())
    yield Drawing("confusion", scores.confusion(counts, words), facts)
    yield Drawing("scores", scores.histogram(label_N, score_N, contents.threshold, words))
    reliability = scores.reliability(
        label_N, score_N, contents.cluster_N, contents.results.level, words
    )
    yield Drawing("reliability", reliability)
    net = decisions.decision_curve(label_N, score_N, contents.threshold, words)
    yield Drawing("decision_curve", net)
    cells = effective_confusion(cases_of(contents.cases), contents.threshold)
    prevalence = float(label_N.mean())
    values = decisions.predictive_values(cells, prevalence, contents.results.level, words)
    yield Drawing("predictive_values", values)
    yield from _conditional(contents, words)


def _roc(contents: Contents, words: Wording) -> Drawing:
    results = contents.results
    side = curves.Scored(
        contents.name,
        contents.label_N,
        contents.score_N,
        results.sensitivity,
        results.specificity,
        results.auroc,
    )
    readers = results.readers or ()
    figure = curves.roc(side, contents.cluster_N, contents.results.level, words, readers)
    point = words(
        "alt.point",
        sensitivity=words.percent(results.sensitivity.value),
        specificity=words.percent(results.specificity.value),
        auroc=words.number(results.auroc.value),
    )
    return Drawing("roc", figure, point, "roc_readers" if readers else "roc")


def _conditional(contents: Contents, words: Wording) -> Iterator[Drawing]:
    """Yield the figures that only some runs have the data for."""
    results = contents.results
    titles = named(HEADLINE, words)
    if results.subgroups:
        rows = [
            ForestRow(
                words.group(group.column, group.group),
                group.n,
                (group.sensitivity, group.specificity, group.auroc),
            )
            for group in results.subgroups[:FOREST_ROWS]
        ]
        overall = [getattr(results, name) for name in HEADLINE]
        yield Drawing("subgroups", forest(rows, overall, titles, words))
    if results.sources is not None:
        # Below the sources stand the middle one and what to expect of a further one.
        yield Drawing("sources", forest(*forest_rows(results, words), titles, words))
    column, wrong = doubt_measure(contents.cases), wrong_decisions(contents)
    if column:
        doubt = contents.cases[column].to_numpy(dtype=float)
        measure = words.measure(column)
        yield Drawing("doubt", uncertainty.right_and_wrong(doubt, wrong, measure, words))
        yield Drawing("risk_coverage", uncertainty.risk_coverage(doubt, wrong, words))
    if contents.metrics is not None and len(contents.metrics):
        best = learning.best_epoch(contents.metrics, contents.monitor)
        figure = learning.learning_curves(contents.metrics, best, words)
        caption = "learning_curves" if best is not None else "learning_curves_unmarked"
        if "member" in contents.metrics:
            caption = "learning_curves_members"
        yield Drawing("learning_curves", figure, caption=caption)
    yield Drawing("flow", flow_diagram(count_flow(contents), contents.results.split, words))
