"""An external validation beside home: one table, and what its columns are."""

from __future__ import annotations

from medcnn.evaluation.elsewhere import AtHome
from medcnn.evaluation.parts import HEADLINE
from medcnn.evaluation.results import Results
from medcnn.reporting.tables import Table, table_of, with_interval
from medcnn.reporting.wording import Wording


def home_table(results: Results, words: Wording) -> Table | None:
    """Return each headline number here and at home, and their difference; None without home."""
    found = results.external
    if found is None or found.home is None:
        return None
    keys = ("table.measure", "external.here", "external.home", "external.difference")
    rows = (
        (
            words.measure(key),
            *(with_interval(key, getattr(side, key), words) for side in (results, found.home)),
            words.difference(found.differences.get(key), points=key != "auroc"),
        )
        for key in HEADLINE
    )
    return table_of(map(words, keys), rows)


def home_lines(results: Results, words: Wording) -> list[str]:
    """Return of whom the two columns speak, and what their difference does not say."""
    found = results.external
    if found is None or found.home is None:
        return []
    split = words.name("split", found.home.split)
    sides: dict[str, Results | AtHome] = {
        words("external.here"): results,
        words("external.home_split", split=split): found.home,
    }
    lines = [
        words(
            "external.cases",
            where=where,
            n=words.count(side.n),
            patients=words.count(side.n_patients),
            prevalence=words.percent(side.prevalence),
        )
        for where, side in sides.items()
    ]
    return [*lines, words("external.text", level=words.percent(results.level, 0))]
