"""From a run directory, or from bare predictions, to one self-contained ``report.html``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from medcnn.evaluation.results import Results
from medcnn.reporting.cases import list_cases
from medcnn.reporting.contents import Contents, Examined, contents_of, from_predictions, read_run
from medcnn.reporting.glossary import explain
from medcnn.reporting.page import page_facts
from medcnn.reporting.plates import Plate, draw_plates
from medcnn.reporting.thumbnails import PixelReader, Thumbnails, read_pixels
from medcnn.reporting.wording import Wording
from medcnn.run.directory import RunDir, atomic_path, write_text


def write_report(
    run: RunDir,
    results: Results | None = None,
    *,
    language: str = "en",
    thumbnail: PixelReader = read_pixels,
) -> Path:
    """Write ``report.html`` and ``figures/*.{png,svg,pdf}`` into the run directory.

    Args:
        run: A run with its results and the predictions they speak of; every other file may be
            absent, and the report says so.
        results: What was measured, where it is in memory; otherwise ``results.json`` is read.
        language: ``en`` or ``de``.
        thumbnail: Returns the pixels of an image file, H×W in [0, 1].

    Returns:
        The path of the report.

    Raises:
        DataError: If there are no results or no predictions.
        ConfigError: If there is no such language.
    """
    words = Wording(language)
    contents = read_run(run) if results is None else contents_of(run, results)
    return _write(contents, run.report, run.figures, words, thumbnail)


def write_predictions_report(
    table: pd.DataFrame,
    results: Results,
    path: Path,
    *,
    language: str = "en",
    name: str | None = None,
    run: RunDir | None = None,
    images: Examined | None = None,
) -> Path:
    """Write a report on predictions of whatever framework, and its figures beside it.

    Args:
        table: As ``medcnn.predictions.read_predictions`` returns it.
        results: What was measured of them.
        path: The HTML file; the figures' files go into ``figures`` in the same folder.
        language: ``en`` or ``de``.
        name: What the report calls these predictions; by default the run's name, or the folder
            that the report goes to.
        run: The run that made them, whose data and training the report then tells of too.
        images: What was predicted, where it is none of the run's own.

    Raises:
        DataError: If the table is not one of predictions.
        ConfigError: If there is no such language.
    """
    words = Wording(language)
    named = name or (run.path if run else path.parent).resolve().name
    contents = from_predictions(table, results, named, run, images)
    return _write(contents, path, path.parent / "figures", words, read_pixels)


def _write(
    contents: Contents, path: Path, folder: Path, words: Wording, thumbnail: PixelReader
) -> Path:
    plates = draw_plates(contents, words)
    for plate in plates.values():
        for suffix, content in plate.files.items():
            with atomic_path(folder / f"{plate.name}.{suffix}") as temporary:
                temporary.write_bytes(content)
    write_text(path, render(contents, plates, words, thumbnail))
    return path


def render(
    contents: Contents, plates: Mapping[str, Plate], words: Wording, thumbnail: PixelReader
) -> str:
    """Return the whole page as HTML."""
    thumbnails = Thumbnails(thumbnail)
    cases = list_cases(contents, thumbnails)
    facts = page_facts(contents, words)
    template = templates().get_template("report.html.j2")
    return template.render(
        t=words, c=contents, plates=plates, cases=cases, failures=thumbnails.failures, **facts
    )


@cache
def templates() -> Environment:
    """Return the templates of the pages; a name that is not defined is an error."""
    environment = Environment(
        loader=PackageLoader("medcnn.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["css_text"] = css_text
    environment.filters["explain"] = explain
    return environment


def css_text(text: str) -> Markup:
    r"""Return a text as it stands between the quotes of a CSS string in a style element.

    >>> print(css_text('a "run" </style>.'))
    a \22 run\22  \3c \2f style\3e .
    """
    return Markup(re.sub(r"[^\w .,:;()+-]", lambda found: f"\\{ord(found[0]):x} ", text))  # noqa: S704
