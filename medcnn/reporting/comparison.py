"""Two sets of predictions side by side: ``comparison.html`` from ``comparison.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from medcnn.evaluation.compare import Comparison
from medcnn.metrics.estimate import Estimate, undefined
from medcnn.reporting.figures.curves import Scored, two_curves
from medcnn.reporting.figures.style import to_svg
from medcnn.reporting.report import templates
from medcnn.reporting.sections import reader_table
from medcnn.reporting.tables import Table, table_of, with_interval
from medcnn.reporting.wording import Wording, said
from medcnn.run.directory import write_text

MEASURES = ("sensitivity", "specificity", "accuracy", "auroc")


def write_comparison(
    found: Comparison,
    first: pd.DataFrame,
    second: pd.DataFrame,
    path: Path,
    *,
    language: str = "en",
) -> Path:
    """Write the page of a comparison.

    Args:
        found: What ``medcnn.evaluation.compare.compare`` returned.
        first: The first predictions.
        second: The second predictions.
        path: The HTML file.
        language: ``en`` or ``de``.

    Raises:
        ConfigError: If there is no such language.
    """
    words = Wording(language)
    page = templates().get_template("comparison.html.j2")
    text = page.render(
        t=words,
        found=found,
        warnings=[(text, said(text, words)) for text in found.warnings],
        level=words.percent(found.level, 0),
        title=words("comparison.title", a=found.names[0], b=found.names[1]),
        split=words.name("split", found.split),
        table=headline_table(found, words),
        resampled=resampled_table(found, words),
        verdicts=verdicts(found, words),
        agreement=with_interval("kappa", found.agreement, words),
        readers=reader_table(found.readers, words),
        figure=_figure(found, first, second, words),
    )
    write_text(path, text)
    return path


def headline_table(found: Comparison, words: Wording) -> Table | None:
    """Return each measure of both sides, the difference, its p-value and that after Holm."""
    header = (words("table.measure"), *found.names, words("comparison.difference"), "p")
    rows = (
        (
            words.measure(name),
            *(with_interval(name, side.get(name), words) for side in (found.a, found.b)),
            words.difference(found.differences[name], points=name != "auroc"),
            *(words.p_value(each.get(name)) for each in (found.p_values, found.holm)),
        )
        for name in MEASURES
        if name in found.differences
    )
    return table_of((*header, words("table.p_value")), rows)


def resampled_table(found: Comparison, words: Wording) -> Table:
    """Return the paired bootstrap of the measures without a paired test of their own."""
    rows = []
    for key, estimate in found.bootstrap.items():
        name, _, bound = key.partition(" ")
        label = words.measure(name)
        if bound:
            label = words(f"measure.{name}", fixed=words.percent(float(bound), 0))
        rows.append((label, words.difference(estimate, points=False)))
    return Table((words("table.measure"), words("comparison.difference")), tuple(rows))


def verdicts(found: Comparison, words: Wording) -> list[str]:
    """Return whether the first is non-inferior to the second, measure by measure."""
    if found.non_inferiority is None:
        return []
    margin = found.non_inferiority.margin
    points = words("comparison.points", value=words.number(100 * margin, 1))
    keys = {True: "comparison.not_worse", False: "comparison.not_shown", None: "comparison.unknown"}
    return [
        words(
            keys[result],
            metric=words.measure(name),
            margin=words.number(margin) if name == "auroc" else points,
            a=found.names[0],
            b=found.names[1],
        )
        for name, result in found.non_inferiority.tested.items()
    ]


def _figure(found: Comparison, first: pd.DataFrame, second: pd.DataFrame, words: Wording) -> Markup:
    tables, measured = (first, second), (found.a, found.b)
    sides = [
        _scored(table, found.split, name, side)
        for table, name, side in zip(tables, found.names, measured, strict=True)
    ]
    return to_svg(
        two_curves(sides, words, found.readers), "two_curves", words("caption.two_curves")
    )


def _scored(table: pd.DataFrame, split: str, name: str, measured: Mapping[str, Estimate]) -> Scored:
    rows = table[table["split"] == split]
    return Scored(
        name=name,
        label=rows["label"].to_numpy(np.int64),
        score=rows["p_abnormal"].to_numpy(np.float64),
        sensitivity=measured["sensitivity"],
        specificity=measured["specificity"],
        auroc=measured.get("auroc", undefined("")),
    )
