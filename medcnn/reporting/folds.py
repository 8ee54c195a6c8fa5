"""A cross-validation fold by fold: one table, and what its rows say."""

from __future__ import annotations

from medcnn.evaluation.cross_validation import FoldResults, Spread
from medcnn.evaluation.results import Results
from medcnn.reporting.tables import HEADLINE, Table, measured, named, shown_as, table_of
from medcnn.reporting.wording import Wording


def folds_table(results: Results, words: Wording) -> Table | None:
    """Return each fold at its threshold, the mean over folds, and all of them pooled.

    The last are the numbers at the top of the page.
    """
    found = results.cross_validation
    if found is None:
        return None
    counted: list[tuple[str, FoldResults | Results, str]] = [
        (str(each.fold + 1), each, words.number(each.threshold)) for each in found.by_fold
    ]
    counted.append((words("cross_validation.pooled"), results, ""))
    rows = [
        (
            name,
            words.count(each.n),
            words.count(each.n_patients),
            threshold,
            *measured(each, HEADLINE, words),
        )
        for name, each, threshold in counted
    ]
    spreads = (_spread(key, found.mean[key], words) for key in HEADLINE)
    rows.insert(-1, (words("cross_validation.mean"), "", "", "", *spreads))
    keys = ("cross_validation.fold", "table.cases", "table.patients", "point.value")
    return table_of((*map(words, keys), *named(HEADLINE, words)), rows)


def _spread(key: str, found: Spread, words: Wording) -> str:
    show = shown_as(key, words)
    if found.mean is None:
        return show(None)
    spread = "" if found.sd is None else f" ± {show(found.sd)}"
    return f"{show(found.mean)}{spread} ({show(found.lowest)} – {show(found.highest)})"
