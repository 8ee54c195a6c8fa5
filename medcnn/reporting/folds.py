"""A cross-validation fold by fold: one table, and what its rows say."""

from __future__ import annotations

from medcnn.evaluation.cross_validation import CrossValidation, Spread
from medcnn.evaluation.results import Results
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.sections import LEVEL_MEASURES, Table
from medcnn.reporting.tables import shown_as, with_interval
from medcnn.reporting.wording import Wording


def folds_table(results: Results, words: Wording) -> Table | None:
    """Return each fold at its threshold, the mean over folds, and all of them pooled."""
    found = results.cross_validation
    if found is None:
        return None
    header = (
        words("cross_validation.fold"),
        words("table.cases"),
        words("table.patients"),
        words("point.value"),
        *(words.measure(key) for key in LEVEL_MEASURES),
    )
    return Table(header, (*_each(found, words), _mean(found, words), _pooled(results, words)))


def _each(found: CrossValidation, words: Wording) -> list[tuple[str, ...]]:
    return [
        (
            str(each.fold + 1),
            words.count(each.n),
            words.count(each.n_patients),
            words.number(each.threshold),
            *(with_interval(key, getattr(each, key), words) for key in LEVEL_MEASURES),
        )
        for each in found.by_fold
    ]


def _mean(found: CrossValidation, words: Wording) -> tuple[str, ...]:
    cells = (_spread(key, found.mean[key], words) for key in LEVEL_MEASURES)
    return (words("cross_validation.mean"), "", "", "", *cells)


def _spread(key: str, found: Spread, words: Wording) -> str:
    show = shown_as(key, words)
    if found.mean is None:
        return show(None)
    spread = "" if found.sd is None else f" ± {show(found.sd)}"
    return f"{show(found.mean)}{spread} ({show(found.lowest)} – {show(found.highest)})"


def _pooled(results: Results, words: Wording) -> tuple[str, ...]:
    """Return all cases at once: the numbers at the top of the page."""
    counts = (words.count(results.n), words.count(results.n_patients))
    estimates: list[Estimate] = [getattr(results, key) for key in LEVEL_MEASURES]
    cells = (
        with_interval(key, each, words) for key, each in zip(LEVEL_MEASURES, estimates, strict=True)
    )
    return (words("cross_validation.pooled"), *counts, "", *cells)
