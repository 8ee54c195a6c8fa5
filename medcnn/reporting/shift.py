"""The page of ``medcnn shift``: what was found, the tests, distributions and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from medcnn.evaluation.shift import Shift, ShiftResults, Tests
from medcnn.metrics.estimate import FloatArray
from medcnn.reporting.figures.mirrored import Half, mirrored_histogram
from medcnn.reporting.figures.style import ABNORMAL, ACCENT, to_svg
from medcnn.reporting.report import templates
from medcnn.reporting.tables import Table, with_interval
from medcnn.reporting.thumbnails import LARGE, Thumbnails
from medcnn.reporting.wording import Wording, said
from medcnn.run.directory import write_text

SHOWN = 6
LEVELS = {"same": "good", "prevalence": "caution", "shifted": "bad", "unknown": "caution"}


@dataclass(frozen=True)
class Sides:
    """The probabilities of both sides, and the paths of the images here."""

    home: FloatArray
    here: FloatArray
    paths: Sequence[Path]


@dataclass(frozen=True)
class Picture:
    """An image of the gallery."""

    name: str
    uri: str


def write_shift(
    shift: Shift,
    sides: Sides,
    path: Path,
    *,
    run: str,
    place: str,
    permutations: int,
    language: str = "en",
) -> Path:
    """Write the page.

    Args:
        shift: What was found.
        sides: What the figures and the gallery are drawn of.
        path: The HTML file.
        run: What the run is called.
        place: What the images are called.
        permutations: How many the p-values rest on.
        language: ``en`` or ``de``.
    """
    words, found = Wording(language), shift.results
    page = templates().get_template("shift.html.j2")
    text = page.render(
        t=words,
        found=found,
        level=LEVELS[found.verdict],
        verdict=words(f"shift.{found.verdict}"),
        sentences=[said(text, words) or text for text in found.sentences],
        lead=words(
            "shift.lead",
            n=words.count(found.images),
            patients=words.count(found.patients),
            place=place,
            home=words.count(found.home_images),
            home_patients=words.count(found.home_patients),
            run=run,
        ),
        tests=tests_table(found, words),
        permutations=words.count(permutations),
        figures=_figures(shift, sides, words),
        galleries=_galleries(shift, sides.paths, words),
    )
    write_text(path, text)
    return path


def tests_table(found: ShiftResults, words: Wording) -> Table | None:
    """Return the three tests against home as it is and, where it was asked, at one prevalence."""
    if found.tests is None:
        return None
    rows = _rows(found.tests, words("shift.as_it_is"), words)
    if found.matched is not None:
        rows += _rows(found.matched, words("shift.matched"), words)
    header = ("shift.test", "shift.compared", "table.value")
    return Table((*map(words, header), "p", words("table.p_value")), tuple(rows))


def _rows(tests: Tests, home: str, words: Wording) -> list[tuple[str, ...]]:
    shown = {
        "classifier": (tests.classifier, with_interval("auroc", tests.auroc, words)),
        "mmd": (tests.mmd, words.number(tests.mmd.value, 4)),
        "scores": (tests.scores, words.number(tests.scores.value)),
    }
    return [
        (
            words(f"shift.{name}"),
            home,
            value,
            words.p_value(test.p_value),
            words.p_value(tests.corrected[name]),
        )
        for name, (test, value) in shown.items()
    ]


def _figures(shift: Shift, sides: Sides, words: Wording) -> list[tuple[Markup, str]]:
    asked: list[tuple[str, FloatArray, FloatArray, str, float | None]] = [
        ("scores", sides.here, sides.home, words("fig.score"), shift.results.threshold)
    ]
    if len(shift.here):
        asked.append(("discriminant", shift.here, shift.home, words("shift.discriminant"), None))
    drawn = [
        (
            name,
            mirrored_histogram(
                Half(here, ABNORMAL, words("shift.score_here")),
                Half(home, ACCENT, words("shift.score_home")),
                words,
                label,
                words("shift.share"),
                threshold,
            ),
        )
        for name, here, home, label, threshold in asked
    ]
    captions = {name: words(f"shift.caption_{name}") for name, _ in drawn}
    return [(to_svg(figure, name, captions[name]), captions[name]) for name, figure in drawn]


def _galleries(
    shift: Shift, paths: Sequence[Path], words: Wording
) -> list[tuple[str, list[Picture]]]:
    if not len(shift.here):
        return []
    thumbnails, order = Thumbnails(), np.argsort(-shift.here, kind="stable").tolist()
    found = []
    for key, rows in (("most", order[:SHOWN]), ("least", order[::-1][:SHOWN])):
        uris = [(paths[row].name, thumbnails.data_uri(str(paths[row]), LARGE)) for row in rows]
        pictures = [Picture(name, uri) for name, uri in uris if uri]
        if pictures:
            found.append((words(f"shift.{key}"), pictures))
    return found
