"""Every figure of a report, drawn once and kept as inline SVG and as PNG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from medcnn.reporting.cases import doubt_measure, wrong_decisions
from medcnn.reporting.contents import Contents
from medcnn.reporting.estimates import read_estimate
from medcnn.reporting.figures import curves, decisions, learning, scores, uncertainty
from medcnn.reporting.figures.flow import flow_diagram
from medcnn.reporting.figures.style import to_png, to_svg
from medcnn.reporting.figures.subgroups import ForestRow, forest
from medcnn.reporting.flow import count_flow
from medcnn.reporting.subgroups import read_subgroups
from medcnn.reporting.wording import Wording

FOREST_ROWS = 40


@dataclass(frozen=True)
class Plate:
    """One figure of the report.

    Attributes:
        name: The stem of the PNG file.
        caption: How to read it.
        svg: The inline SVG element, with its alternative text.
        png: The same as a PNG file.
    """

    name: str
    caption: str
    svg: Markup
    png: bytes


def draw_plates(contents: Contents, words: Wording) -> dict[str, Plate]:
    """Draw every figure that the contents allow, by name."""
    return {
        name: Plate(
            name=name,
            caption=words(f"caption.{name}"),
            svg=to_svg(figure, name, f"{words(f'caption.{name}')} {facts}".strip()),
            png=to_png(figure),
        )
        for name, figure, facts in _figures(contents, words)
    }


def _figures(contents: Contents, words: Wording) -> Iterator[tuple[str, Figure, str]]:
    results, label_N, score_N = contents.results, contents.label_N, contents.score_N
    found = {
        name: read_estimate(results.get(name))
        for name in ("sensitivity", "specificity", "ppv", "auroc", "average_precision")
    }
    sensitivity, specificity = found["sensitivity"], found["specificity"]
    point = words(
        "alt.point",
        sensitivity=words.percent(sensitivity.value),
        specificity=words.percent(specificity.value),
        auroc=words.number(found["auroc"].value),
    )
    yield (
        "roc",
        curves.roc(label_N, score_N, sensitivity, specificity, found["auroc"], words),
        point,
    )
    pr = curves.precision_recall(
        label_N, score_N, sensitivity, found["ppv"], found["average_precision"], words
    )
    yield "precision_recall", pr, ""
    counts = results.get("confusion") or {}
    if counts:
        facts = ", ".join(f"{words(f'outcome.{cell}')} {counts.get(cell)}" for cell in counts)
        yield "confusion", scores.confusion(counts, words), facts
    yield "scores", scores.histogram(label_N, score_N, contents.threshold, words), ""
    yield "reliability", scores.reliability(label_N, score_N, words), ""
    yield (
        "decision_curve",
        decisions.decision_curve(label_N, score_N, contents.threshold, words),
        "",
    )
    prevalence = float(label_N.mean())
    values = decisions.predictive_values(sensitivity, specificity, prevalence, words)
    yield "predictive_values", values, ""
    yield from _conditional(contents, words)


def _conditional(contents: Contents, words: Wording) -> Iterator[tuple[str, Figure, str]]:
    """Yield the figures that only some runs have the data for."""
    subgroups = read_subgroups(contents.results)[:FOREST_ROWS]
    if subgroups:
        measures = ("sensitivity", "specificity", "auroc")
        rows = [
            ForestRow(group.title, group.n, tuple(group.estimates[name] for name in measures))
            for group in subgroups
        ]
        overall = [read_estimate(contents.results.get(name)) for name in measures]
        titles = [words(f"measure.{name}") for name in measures]
        yield "subgroups", forest(rows, overall, titles, words), ""
    column, wrong = doubt_measure(contents.cases), wrong_decisions(contents)
    if column and contents.threshold is not None:
        doubt = contents.cases[column].to_numpy(dtype=float)
        measure = words.name("measure", column)
        yield "doubt", uncertainty.right_and_wrong(doubt, wrong, measure, words), ""
        yield "risk_coverage", uncertainty.risk_coverage(doubt, wrong, words), ""
    if contents.metrics is not None and len(contents.metrics):
        yield "learning_curves", learning.learning_curves(contents.metrics, words), ""
    split = str(contents.results.get("split") or "test")
    yield "flow", flow_diagram(count_flow(contents), split, words), ""
