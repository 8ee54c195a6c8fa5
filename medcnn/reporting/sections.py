"""The parts of the results behind the sections of the page, as tables ready to print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medcnn.reporting.contents import Contents
from medcnn.reporting.details import Block, describe
from medcnn.reporting.estimates import read_estimate
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
    "temperature",
)
RATIOS = ("positive", "negative", "diagnostic_odds_ratio")
SAFEGUARDS = ("conformal", "prior_shift", "out_of_distribution")
OWN_PAGE = ("cross_validation", "diagnosis")


@dataclass(frozen=True)
class Table:
    """A table of texts; the first cell of a row names it."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def units_table(contents: Contents, words: Wording) -> Table | None:
    """Return the headline by image, study and patient, or None where an image is a patient."""
    results = contents.results
    entries: list[tuple[str, Mapping[str, Any]]] = []
    cases = words(f"noun.{contents.unit}")
    for unit in ("studies", "patients"):
        for way, found in (results.get(unit) or {}).items():
            entries.append((words(f"units.{unit}", way=words(f"units.{way}")), found))
    if not entries:
        return None
    together = words("units.clustered", cases=cases) if results.get("by_case") else cases
    entries.insert(0, (together, results))
    header = [words("units.unit"), words("table.cases")]
    return Table(
        (*header, *(words.measure(key) for key in LEVEL_MEASURES)),
        tuple(
            (
                name,
                words.count(found.get("n")),
                *(with_interval(key, found.get(key), words) for key in LEVEL_MEASURES),
            )
            for name, found in entries
        ),
    )


def operating_table(contents: Contents, words: Wording) -> Table | None:
    """Return sensitivity and specificity at other thresholds, the chosen one marked."""
    points = contents.results.get("operating_points") or []
    keys = ("sensitivity", "specificity")
    rows = tuple(
        (
            words.number(point.get("threshold"), 4 if point.get("chosen") else 2)
            + (f" · {words('point.chosen')}" if point.get("chosen") else ""),
            *(with_interval(key, point.get(key), words) for key in keys),
        )
        for point in points
    )
    header = (words("point.value"), *(words.measure(key) for key in keys))
    return Table(header, rows) if rows else None


def cost_sentences(contents: Contents, words: Wording) -> list[str]:
    """Return what the frozen threshold did here in counts, whether it kept its promise, its cost."""
    found, counts = contents.results.get("chosen_point") or {}, contents.results.get("confusion")
    lines = []
    if counts:
        sums = {"positives": counts["tp"] + counts["fn"], "negatives": counts["tn"] + counts["fp"]}
        shown = {key: words.count(value) for key, value in {**counts, **sums}.items()}
        lines.append(words("point.counts", cases=words(f"noun.{contents.unit}_of"), **shown))
    target = found.get("target")
    if target:
        key = "point.target_met" if target["met"] else "point.target_missed"
        name = target["metric"]
        reached = with_interval(name, target["reached"], words)
        wanted = words.percent(target["wanted"])
        lines.append(words(key, metric=words.measure(name), wanted=wanted, reached=reached))
    if found.get("youden_lost") is not None:
        lost = with_interval("youden_lost", found["youden_lost"], words)
        lines.append(words("point.lost", lost=lost))
    return lines


def calibration_rows(contents: Contents, words: Wording) -> list[EstimateRow]:
    """Return the calibration measures, the temperature without an interval."""
    found = contents.results.get("calibration") or {}
    rows = [
        estimate_row(key, read_estimate(found[key]), words) for key in CALIBRATION if key in found
    ]
    # A temperature is set, not estimated here: it has no interval, and often there is none.
    return [
        replace(row, interval="") if row.key == "temperature" else row
        for row in rows
        if row.key != "temperature" or found["temperature"] is not None
    ]


def ratio_rows(contents: Contents, words: Wording) -> list[EstimateRow]:
    """Return likelihood ratios, the diagnostic odds ratio and the number needed to read."""
    found = contents.results.get("likelihood_ratios") or {}
    names = {"positive": "positive_likelihood_ratio", "negative": "negative_likelihood_ratio"}
    rows = [
        estimate_row(names.get(key, key), read_estimate(found[key]), words)
        for key in RATIOS
        if key in found
    ]
    reading = contents.results.get("number_needed_to_read")
    if reading is not None:
        rows.append(estimate_row("number_needed_to_read", read_estimate(reading), words))
    return rows


def prevalence_table(contents: Contents, words: Wording) -> Table | None:
    """Return PPV and NPV at other prevalences."""
    rows = tuple(
        (
            words.percent(entry["prevalence"], 0),
            *(with_interval(key, entry.get(key), words) for key in ("ppv", "npv")),
        )
        for entry in contents.results.get("predictive_values") or []
    )
    header = (words.measure("prevalence"), words.measure("ppv"), words.measure("npv"))
    return Table(header, rows) if rows else None


def gap_table(contents: Contents, words: Wording) -> Table | None:
    """Return how each subgroup differs from all other cases, or None where nothing was compared."""
    rows = tuple(
        (
            f"{entry['column']}: {entry['group']}",
            *(_gap(entry["gaps"], key, words) for key in LEVEL_MEASURES),
        )
        for entry in contents.results.get("subgroups") or []
        if entry.get("gaps")
    )
    header = (words("table.group"), *(words.measure(key) for key in LEVEL_MEASURES))
    return Table(header, rows) if rows else None


def _gap(gaps: Mapping[str, Any], key: str, words: Wording) -> str:
    gap = gaps.get(key) or {}
    text = words.difference(gap.get("difference"), points=key != "auroc")
    if gap.get("p_holm") is None or "(" not in text:
        return text
    return f"{text[:-1]}; {words('subgroups.gap_p')} {words.p_value(gap['p_holm'])})"


def reader_table(contents: Contents, words: Wording) -> Table | None:
    """Return the human readers on the same cases, and how the model differs from each."""
    return reader_table_of(contents.results.get("readers") or [], words)


def reader_table_of(readers: Sequence[Mapping[str, Any]], words: Wording) -> Table | None:
    """Return the entries of ``readers`` as a table, or None where there are none."""
    keys = ("sensitivity", "specificity", "kappa")
    rows = tuple(
        (
            str(reader["name"]),
            words.count(reader.get("n")),
            *(with_interval(key, reader.get(key), words) for key in keys),
            *(
                words.difference((reader.get("model_minus_reader") or {}).get(key))
                for key in keys[:2]
            ),
        )
        for reader in readers
    )
    header = (
        words("readers.reader"),
        words("table.cases"),
        *(words.measure(key) for key in keys),
        words("readers.sensitivity"),
        words("readers.specificity"),
    )
    return Table(header, rows) if rows else None


def doubt_tables(contents: Contents, words: Wording) -> tuple[Table | None, Table | None]:
    """Return what each measure of doubt is worth, and what referring the most doubtful buys."""
    found = {
        key: value
        for key, value in (contents.results.get("uncertainty") or {}).items()
        if isinstance(value, dict) and "rejection" in value
    }
    if not found:
        return None, None
    worth = tuple(
        (
            words.measure(name),
            *(with_interval(key, value.get(key), words) for key in _MEANS),
            with_interval("auroc", value.get("error_auroc"), words),
            *(with_interval("aurc", (value.get("aurc") or {}).get(key), words) for key in _AREAS),
        )
        for name, value in found.items()
    )
    header = ("measure", "right", "wrong", "finds", *_AREAS)
    return Table(tuple(words(f"doubt.{key}") for key in header), worth), _rejection(found, words)


_MEANS = ("mean_right", "mean_wrong")
_AREAS = ("value", "random", "oracle")


def _rejection(found: Mapping[str, Any], words: Wording) -> Table:
    header = ("measure", "share", "risk_before", "risk_after", "errors_caught")
    rows = tuple(
        (
            words.measure(name),
            f"{words.percent(row['share'], 0)} ({words.count(row['referred'])})",
            *(with_interval(key, row.get(key), words) for key in header[2:]),
        )
        for name, value in found.items()
        for row in value["rejection"]
    )
    return Table(tuple(words(f"doubt.{key}") for key in header), rows)


def other_blocks(contents: Contents, words: Wording) -> dict[str, list[Block]]:
    """Return the parts without a page of their own, by the section that shows them."""
    return {section: blocks for section, blocks in _others(contents, words) if blocks}


def _others(contents: Contents, words: Wording) -> Iterator[tuple[str, list[Block]]]:
    results = contents.results
    uncertainty = results.get("uncertainty") or {}
    referral = describe(words("safeguard.referral"), uncertainty.get("referral"), words)
    for key in SAFEGUARDS:
        referral += describe(words(f"safeguard.{key}"), results.get(key), words)
    yield "safeguards", referral
    yield "knobs", describe("", results.get("knobs"), words)
    for key in OWN_PAGE:
        yield key, describe("", results.get(key), words)
