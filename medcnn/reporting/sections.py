"""The parts of the results behind the sections of the page, as tables ready to print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from medcnn.evaluation.parts import Headline
from medcnn.evaluation.readers import ReaderResults
from medcnn.evaluation.subgroups import Gap
from medcnn.metrics.estimate import undefined
from medcnn.reporting.contents import Contents
from medcnn.reporting.tables import (
    HEADLINE,
    EstimateRow,
    Table,
    estimate_row,
    measured,
    named,
    table_of,
    with_interval,
)
from medcnn.reporting.wording import Wording, said

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
    return table_of(
        (words("units.unit"), words("table.cases"), *named(HEADLINE, words)),
        ((name, words.count(n), *measured(found, HEADLINE, words)) for name, n, found in entries),
    )


def operating_table(contents: Contents, words: Wording) -> Table | None:
    """Return sensitivity and specificity at other thresholds, the chosen one marked."""
    keys, chosen = ("sensitivity", "specificity"), f" · {words('point.chosen')}"
    rows = (
        (
            words.number(point.threshold, 4 if point.chosen else 2) + chosen * point.chosen,
            *measured(point, keys, words),
        )
        for point in contents.results.operating_points
    )
    return table_of((words("point.value"), *named(keys, words)), rows)


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
    keys = ("ppv", "npv")
    rows = (
        (words.percent(entry.prevalence, 0), *measured(entry, keys, words))
        for entry in contents.results.predictive_values
    )
    return table_of(named(("prevalence", *keys), words), rows)


def gap_table(contents: Contents, words: Wording) -> Table | None:
    """Return how each subgroup differs from all other cases, or None where nothing was compared."""
    rows = (
        (
            words.group(entry.column, entry.group),
            *(_gap(entry.gaps.get(key), key, words) for key in HEADLINE),
        )
        for entry in contents.results.subgroups
        if entry.gaps
    )
    return table_of((words("table.group"), *named(HEADLINE, words)), rows)


def _gap(gap: Gap | None, key: str, words: Wording) -> str:
    text = words.difference(gap.difference if gap else None, points=key != "auroc")
    if gap is None or gap.p_holm is None or "(" not in text:
        return text
    return f"{text[:-1]}; {words('subgroups.gap_p')} {words.p_value(gap.p_holm)})"


def reader_table(readers: Sequence[ReaderResults], words: Wording) -> Table | None:
    """Return human readers on the same cases, and how the model differs from each."""
    keys, compared = ("sensitivity", "specificity", "kappa"), ("sensitivity", "specificity")
    rows = (
        (
            reader.name,
            words.count(reader.n),
            *measured(reader, keys, words),
            *(words.difference(reader.model_minus_reader.get(key)) for key in compared),
        )
        for reader in readers
    )
    header = (words("readers.reader"), words("table.cases"), *named(keys, words))
    return table_of((*header, *(words(f"readers.{key}") for key in compared)), rows)


def doubt_table(contents: Contents, words: Wording) -> Table | None:
    """Return what each measure of doubt is worth."""
    rows = (
        (
            words.measure(name),
            *measured(each, ("mean_right", "mean_wrong"), words),
            with_interval("auroc", each.error_auroc, words),
            *measured(each.aurc, ("value", "random", "oracle"), words),
        )
        for name, each in contents.results.uncertainty.measures.items()
    )
    header = ("measure", "right", "wrong", "finds", "value", "random", "oracle")
    return table_of((words(f"doubt.{key}") for key in header), rows)


def rejection_table(contents: Contents, words: Wording) -> Table | None:
    """Return what referring the most doubtful cases buys, by each measure of doubt."""
    header = ("measure", "share", "risk_before", "risk_after", "errors_caught")
    rows = (
        (
            words.measure(name),
            f"{words.percent(row.share, 0)} ({words.count(row.referred)})",
            *measured(row, header[2:], words),
        )
        for name, each in contents.results.uncertainty.measures.items()
        for row in each.rejection
    )
    return table_of((words(f"doubt.{key}") for key in header), rows)


def ablation_table(contents: Contents, words: Wording) -> Table | None:
    """Return what each setting of the prediction bought, or None where none was varied."""
    keys = ("auroc", "nll")
    rows = (
        (words.name("word", each.part), *measured(each, keys, words))
        for each in contents.results.ablation or ()
    )
    return table_of(named(("part", *keys), words), rows)


def diagnosis_table(contents: Contents, words: Wording) -> Table | None:
    """Return what the learning curves say, the evidence in English as it was recorded."""
    rows = (
        tuple(
            said(text, words) or words.verbatim(text)
            for text in (each.finding, each.meaning, each.evidence, each.try_next)
        )
        for each in contents.results.diagnosis or ()
    )
    header = ("finding", "meaning", "evidence", "try")
    return table_of((words(f"diagnosis.{key}") for key in header), rows)
