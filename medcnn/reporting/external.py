"""An external validation beside home: one table, and what its columns are."""

from __future__ import annotations

from medcnn.evaluation.parts import HEADLINE
from medcnn.evaluation.results import Results
from medcnn.reporting.sections import Table
from medcnn.reporting.tables import with_interval
from medcnn.reporting.wording import Wording


def home_table(results: Results, words: Wording) -> Table | None:
    """Return each headline number here and at home, and their difference; None without home."""
    found = results.external
    if found is None or found.home is None:
        return None
    header = (
        words("table.measure"),
        words("external.here"),
        words("external.home"),
        words("external.difference"),
    )
    rows = tuple(
        (
            words.measure(key),
            with_interval(key, getattr(results, key), words),
            with_interval(key, getattr(found.home, key), words),
            words.difference(found.differences.get(key), points=key != "auroc"),
        )
        for key in HEADLINE
    )
    return Table(header, rows)


def home_lines(results: Results, words: Wording) -> list[str]:
    """Return of whom the two columns speak, and what their difference does not say."""
    found = results.external
    if found is None or found.home is None:
        return []
    here = words(
        "external.cases",
        where=words("external.here"),
        n=words.count(results.n),
        patients=words.count(results.n_patients),
        prevalence=words.percent(results.prevalence),
    )
    home = words(
        "external.cases",
        where=words("external.home_split", split=words.name("split", found.home.split)),
        n=words.count(found.home.n),
        patients=words.count(found.home.n_patients),
        prevalence=words.percent(found.home.prevalence),
    )
    return [here, home, words("external.text", level=words.percent(results.level, 0))]
