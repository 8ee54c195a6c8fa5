"""The parts of the results behind the sections of the page, as tables ready to print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from medcnn.evaluation.parts import Headline
from medcnn.evaluation.readers import ReaderResults
from medcnn.evaluation.subgroups import Gap
from medcnn.evaluation.uncertainty import DoubtResults
from medcnn.metrics.estimate import undefined
from medcnn.reporting.contents import Contents
from medcnn.reporting.sentences import said
from medcnn.reporting.tables import EstimateRow, estimate_row, with_interval
from medcnn.reporting.wording import Wording

LEVEL_MEASURES = ("sensitivity", "specificity", "auroc")
CALIBRATION = (
    "brier",
    "ece",
    "ece_equal_mass",
    "ace",
    "mce",
    "nll",
    "slope",
    "intercept",
)


@dataclass(frozen=True)
class Table:
    """A table of texts; the first cell of a row names it."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def units_table(contents: Contents, words: Wording) -> Table | None:
    """Return the headline by image, study and patient, or None where an image is a patient."""
    results, cases = contents.results, words(f"noun.{contents.unit}")
    together = words("units.clustered", cases=cases) if results.by_case else cases
    entries: list[tuple[str, int, Headline]] = [(together, results.n, results)]
    for unit, ways in (("studies", results.studies), ("patients", results.patients)):
        for way, found in ways.items():
            name = words(f"units.{unit}", way=words(f"units.{way}"))
            entries.append((name, found.n, found))
    if len(entries) == 1:
        return None
    header = (words("units.unit"), words("table.cases"))
    rows = ((name, words.count(n), *_headline(found, words)) for name, n, found in entries)
    return Table((*header, *(words.measure(key) for key in LEVEL_MEASURES)), tuple(rows))


def _headline(found: Headline, words: Wording) -> tuple[str, ...]:
    return tuple(with_interval(key, getattr(found, key), words) for key in LEVEL_MEASURES)


def operating_table(contents: Contents, words: Wording) -> Table | None:
    """Return sensitivity and specificity at other thresholds, the chosen one marked."""
    rows = tuple(
        (
            words.number(point.threshold, 4 if point.chosen else 2)
            + (f" · {words('point.chosen')}" if point.chosen else ""),
            with_interval("sensitivity", point.sensitivity, words),
            with_interval("specificity", point.specificity, words),
        )
        for point in contents.results.operating_points
    )
    keys = ("sensitivity", "specificity")
    header = (words("point.value"), *(words.measure(key) for key in keys))
    return Table(header, rows) if rows else None


def cost_sentences(contents: Contents, words: Wording) -> list[str]:
    """Return what the frozen threshold did here in counts, whether it kept its promise, its cost."""
    found, counts = contents.results.chosen_point, contents.outcomes
    sums = {"positives": counts["tp"] + counts["fn"], "negatives": counts["tn"] + counts["fp"]}
    shown = {key: words.count(value) for key, value in {**counts, **sums}.items()}
    lines = [words("point.counts", cases=words(f"noun.{contents.unit}_of"), **shown)]
    target = found.target
    if target is not None:
        key = "point.target_met" if target.met else "point.target_missed"
        reached = with_interval(target.metric, target.reached, words)
        wanted = words.percent(target.wanted)
        metric = words.measure(target.metric)
        lines.append(words(key, metric=metric, wanted=wanted, reached=reached))
    if found.youden_lost.value is not None:
        lost = with_interval("youden_lost", found.youden_lost, words)
        lines.append(words("point.lost", lost=lost))
    return lines


def calibration_rows(contents: Contents, words: Wording) -> list[EstimateRow]:
    """Return the calibration measures, the temperature without an interval."""
    found = contents.results.calibration
    rows = [estimate_row(key, getattr(found, key), words) for key in CALIBRATION]
    if found.temperature is not None:
        # A temperature is set, not estimated here: it has no interval.
        row = estimate_row("temperature", undefined(""), words)
        rows.append(replace(row, value=words.number(found.temperature), interval=""))
    return rows


def ratio_rows(contents: Contents, words: Wording) -> list[EstimateRow]:
    """Return likelihood ratios, the diagnostic odds ratio and the number needed to read."""
    found = contents.results.likelihood_ratios
    rows = {
        "positive_likelihood_ratio": found.positive,
        "negative_likelihood_ratio": found.negative,
        "diagnostic_odds_ratio": found.diagnostic_odds_ratio,
        "number_needed_to_read": contents.results.number_needed_to_read,
    }
    return [estimate_row(key, estimate, words) for key, estimate in rows.items()]


def prevalence_table(contents: Contents, words: Wording) -> Table | None:
    """Return PPV and NPV at other prevalences."""
    rows = tuple(
        (
            words.percent(entry.prevalence, 0),
            with_interval("ppv", entry.ppv, words),
            with_interval("npv", entry.npv, words),
        )
        for entry in contents.results.predictive_values
    )
    header = (words.measure("prevalence"), words.measure("ppv"), words.measure("npv"))
    return Table(header, rows) if rows else None


def gap_table(contents: Contents, words: Wording) -> Table | None:
    """Return how each subgroup differs from all other cases, or None where nothing was compared."""
    rows = tuple(
        (
            words.group(entry.column, entry.group),
            *(_gap(entry.gaps.get(key), key, words) for key in LEVEL_MEASURES),
        )
        for entry in contents.results.subgroups
        if entry.gaps
    )
    header = (words("table.group"), *(words.measure(key) for key in LEVEL_MEASURES))
    return Table(header, rows) if rows else None


def _gap(gap: Gap | None, key: str, words: Wording) -> str:
    text = words.difference(gap.difference if gap else None, points=key != "auroc")
    if gap is None or gap.p_holm is None or "(" not in text:
        return text
    return f"{text[:-1]}; {words('subgroups.gap_p')} {words.p_value(gap.p_holm)})"


def reader_table(readers: Sequence[ReaderResults], words: Wording) -> Table | None:
    """Return human readers on the same cases, and how the model differs from each."""
    rows = tuple(
        (
            reader.name,
            words.count(reader.n),
            with_interval("sensitivity", reader.sensitivity, words),
            with_interval("specificity", reader.specificity, words),
            with_interval("kappa", reader.kappa, words),
            words.difference(reader.model_minus_reader.get("sensitivity")),
            words.difference(reader.model_minus_reader.get("specificity")),
        )
        for reader in readers
    )
    header = (
        words("readers.reader"),
        words("table.cases"),
        *(words.measure(key) for key in ("sensitivity", "specificity", "kappa")),
        words("readers.sensitivity"),
        words("readers.specificity"),
    )
    return Table(header, rows) if rows else None


def doubt_tables(contents: Contents, words: Wording) -> tuple[Table | None, Table | None]:
    """Return what each measure of doubt is worth, and what referring the most doubtful buys."""
    found = contents.results.uncertainty.measures
    if not found:
        return None, None
    worth = tuple(
        (
            words.measure(name),
            with_interval("mean_right", each.mean_right, words),
            with_interval("mean_wrong", each.mean_wrong, words),
            with_interval("auroc", each.error_auroc, words),
            with_interval("aurc", each.aurc.value, words),
            with_interval("aurc", each.aurc.random, words),
            with_interval("aurc", each.aurc.oracle, words),
        )
        for name, each in found.items()
    )
    header = ("measure", "right", "wrong", "finds", "value", "random", "oracle")
    return Table(tuple(words(f"doubt.{key}") for key in header), worth), _rejection(found, words)


def _rejection(found: Mapping[str, DoubtResults], words: Wording) -> Table:
    header = ("measure", "share", "risk_before", "risk_after", "errors_caught")
    rows = tuple(
        (
            words.measure(name),
            f"{words.percent(row.share, 0)} ({words.count(row.referred)})",
            *(with_interval(key, getattr(row, key), words) for key in header[2:]),
        )
        for name, each in found.items()
        for row in each.rejection
    )
    return Table(tuple(words(f"doubt.{key}") for key in header), rows)


def knobs_table(contents: Contents, words: Wording) -> Table | None:
    """Return what each setting of the prediction bought, or None where none was varied."""
    keys = ("auroc", "nll")
    rows = tuple(
        (
            words.name("word", each.knob),
            *(with_interval(key, getattr(each, key), words) for key in keys),
        )
        for each in contents.results.knobs or ()
    )
    header = (words.measure("knob"), *(words.measure(key) for key in keys))
    return Table(header, rows) if rows else None


def diagnosis_table(contents: Contents, words: Wording) -> Table | None:
    """Return what the learning curves say, the evidence in English as it was recorded."""
    rows = tuple(
        tuple(
            said(text, words) or words.verbatim(text)
            for text in (each.finding, each.meaning, each.evidence, each.try_next)
        )
        for each in contents.results.diagnosis or ()
    )
    header = tuple(words(f"diagnosis.{key}") for key in ("finding", "meaning", "evidence", "try"))
    return Table(header, rows) if rows else None
