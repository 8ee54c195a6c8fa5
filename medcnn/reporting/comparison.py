"""Two sets of predictions side by side: ``comparison.html`` from ``comparison.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from medcnn.reporting.estimates import read_estimate
from medcnn.reporting.figures.curves import Reader, Scored, two_curves
from medcnn.reporting.figures.style import to_svg
from medcnn.reporting.report import templates
from medcnn.reporting.sections import Table, reader_table_of
from medcnn.reporting.sentences import translated
from medcnn.reporting.tables import with_interval
from medcnn.reporting.wording import Wording
from medcnn.run.directory import write_text

MEASURES = ("sensitivity", "specificity", "accuracy", "auroc")


def write_comparison(
    found: Mapping[str, Any],
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
        warnings=[(text, translated(text, words)) for text in found["warnings"]],
        level=words.percent(found["level"], 0),
        title=words("comparison.title", a=found["names"][0], b=found["names"][1]),
        split=words.name("split", found["split"]),
        table=headline_table(found, words),
        resampled=resampled_table(found, words),
        verdicts=verdicts(found, words),
        agreement=with_interval("kappa", found["agreement"], words),
        readers=reader_table_of(found.get("readers") or [], words),
        figure=_figure(found, first, second, words),
    )
    write_text(path, text)
    return path


def headline_table(found: Mapping[str, Any], words: Wording) -> Table:
    """Return each measure of both sides, the difference, its p-value and that after Holm."""
    p_values = {name: test["p_value"] for name, test in found["mcnemar"].items()}
    if "delong" in found:
        p_values["auroc"] = found["delong"]["p_value"]
    names = [name for name in MEASURES if name in found["differences"]]
    header = (words("table.measure"), *found["names"], words("comparison.difference"), "p")
    return Table(
        (*header, words("table.p_value")),
        tuple(
            (
                words.measure(name),
                with_interval(name, found["a"].get(name), words),
                with_interval(name, found["b"].get(name), words),
                words.difference(found["differences"][name], points=name != "auroc"),
                words.p_value(p_values.get(name)),
                words.p_value(found["holm"].get(name)),
            )
            for name in names
        ),
    )


def resampled_table(found: Mapping[str, Any], words: Wording) -> Table:
    """Return the paired bootstrap of the measures without a paired test of their own."""
    rows = []
    for key, raw in found["bootstrap"].items():
        name, _, bound = key.partition(" ")
        label = words.measure(name)
        if bound:
            label = words(f"measure.{name}", fixed=words.percent(float(bound), 0))
        rows.append((label, words.difference(raw, points=False)))
    return Table((words("table.measure"), words("comparison.difference")), tuple(rows))


def verdicts(found: Mapping[str, Any], words: Wording) -> list[str]:
    """Return whether the first is non-inferior to the second, measure by measure."""
    tested = found.get("non_inferiority")
    if not tested:
        return []
    keys = {True: "comparison.not_worse", False: "comparison.not_shown", None: "comparison.unknown"}
    return [
        words(
            keys[result],
            metric=words.measure(name),
            margin=_margin(name, tested["margin"], words),
            a=found["names"][0],
            b=found["names"][1],
        )
        for name, result in tested.items()
        if name != "margin"
    ]


def _margin(name: str, margin: float, words: Wording) -> str:
    if name == "auroc":
        return words.number(margin)
    return words("comparison.points", value=words.number(100 * margin, 1))


def _figure(
    found: Mapping[str, Any], first: pd.DataFrame, second: pd.DataFrame, words: Wording
) -> Markup:
    sides = [
        _scored(table, found["split"], name, found[key])
        for table, name, key in zip((first, second), found["names"], ("a", "b"), strict=True)
    ]
    readers = [
        Reader(
            str(raw["name"]), *(read_estimate(raw[key]) for key in ("sensitivity", "specificity"))
        )
        for raw in found.get("readers") or []
    ]
    figure = two_curves(sides, words, readers)
    return to_svg(figure, "two_curves", words("caption.two_curves"))


def _scored(table: pd.DataFrame, split: str, name: str, measured: Mapping[str, Any]) -> Scored:
    rows = table[table["split"] == split]
    return Scored(
        name=name,
        label=rows["label"].to_numpy(np.int64),
        score=rows["p_abnormal"].to_numpy(np.float64),
        sensitivity=read_estimate(measured["sensitivity"]),
        specificity=read_estimate(measured["specificity"]),
        auroc=read_estimate(measured.get("auroc")),
    )
