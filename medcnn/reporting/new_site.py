"""A run at other places: an external validation beside home, and what to expect at a new site."""

from __future__ import annotations

from medcnn.evaluation.elsewhere import AtHome
from medcnn.evaluation.new_site import MEASURES, Expected, NewSite, SourceResults, SourcesResults
from medcnn.evaluation.parts import HEADLINE
from medcnn.evaluation.results import Results
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.figures.subgroups import ForestRow
from medcnn.reporting.tables import Table, measured, named, shown_as, table_of, with_interval
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


def new_site_table(results: Results, words: Wording) -> Table | None:
    """Return each measure with both intervals, the worst source, and how far sources differ."""
    expected, sources = results.new_site, results.sources
    if expected is None or sources is None:
        return None
    level = words.percent(results.level, 0)
    header = (
        words("table.measure"),
        *(words(f"new_site.{key}", level=level) for key in ("home", "away", "worst", "spread")),
    )
    rows = (
        (
            words.measure(key),
            with_interval(key, _middle(found), words),
            _away(key, found, words) or words("new_site.few"),
            *_differing(key, sources, words),
        )
        for key, found in _measures(expected)
    )
    return table_of(header, rows)


def new_site_lines(results: Results, words: Wording) -> list[str]:
    """Return what the two intervals say, and where the thresholds come from."""
    expected, sources = results.new_site, results.sources
    if expected is None or sources is None:
        return []
    lines = [
        words("new_site.text", sources=words.count(expected.sources), by=sources.by),
        words(f"new_site.on_{sources.threshold_on}"),
    ]
    if sources.correlation is not None:
        lines.append(words("new_site.together", r=words.number(sources.correlation, 2)))
    return lines


def new_site_notes(results: Results, words: Wording) -> dict[str, str]:
    """Return the prediction interval as a note to each headline number that has one."""
    level = words.percent(results.level, 0)
    found = _measures(results.new_site) if results.new_site else []
    return {
        key: words("new_site.note", interval=_away(key, each, words), level=level)
        for key, each in found
        if each.prediction_interval is not None
    }


def sources_table(results: Results, words: Wording) -> Table | None:
    """Return each source at its threshold, the lowest of each measure named."""
    found = results.sources
    if found is None:
        return None
    keys = ("new_site.source", "table.cases", "table.patients", "table.prevalence", "point.value")
    rows = (_row(each, found, words) for each in found.by_source)
    return table_of((*map(words, keys), *named(MEASURES, words)), rows)


def forest_rows(results: Results, words: Wording) -> tuple[list[ForestRow], list[Estimate]]:
    """Return the rows of the forest plot, and the middle source of each measure."""
    expected, sources = results.new_site, results.sources
    if expected is None or sources is None:
        return [], []
    rows = [
        ForestRow(each.source, each.n, tuple(getattr(each, key) for key in MEASURES))
        for each in sources.by_source
    ]
    pooled = _measures(expected)
    middle = [_middle(each) for _, each in pooled]
    away = [Estimate(each.value, each.prediction_interval, each.method) for _, each in pooled]
    rows.append(ForestRow(words("new_site.middle"), None, tuple(middle)))
    rows.append(ForestRow(words("new_site.new"), None, tuple(away)))
    return rows, middle


def _measures(expected: NewSite) -> list[tuple[str, Expected]]:
    return [(key, getattr(expected, key)) for key in MEASURES]


def _middle(found: Expected) -> Estimate:
    return Estimate(found.value, found.ci, found.method)


def _away(key: str, found: Expected, words: Wording) -> str:
    return " – ".join(map(shown_as(key, words), found.prediction_interval or ()))


def _differing(key: str, sources: SourcesResults, words: Wording) -> tuple[str, str]:
    """Return the worst source with its value, and the heterogeneity."""
    found = sources.heterogeneity.get(key)
    if found is None:
        return "", ""
    worst = next(each for each in sources.by_source if each.source == found.worst)
    shown = with_interval(key, getattr(worst, key), words)
    return f"{worst.source}: {shown}", f"{words.number(found.tau, 2)}, {words.percent(found.i2, 0)}"


def _row(each: SourceResults, found: SourcesResults, words: Wording) -> tuple[str, ...]:
    lowest = [
        words.measure(key) for key, of in found.heterogeneity.items() if of.worst == each.source
    ]
    told = f" · {words('new_site.lowest', measures=', '.join(lowest))}" if lowest else ""
    return (
        f"{each.source}{told}",
        words.count(each.n),
        words.count(each.n_patients),
        words.percent(each.prevalence),
        words.number(each.threshold),
        *measured(each, MEASURES, words),
    )
