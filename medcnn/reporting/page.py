"""The facts of the page in the order and the words in which the templates print them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from medcnn.evaluation.results import Results
from medcnn.metrics.estimate import Estimate
from medcnn.notices import restored
from medcnn.reporting import sections
from medcnn.reporting.card import model_card, model_name
from medcnn.reporting.checklist import checklist
from medcnn.reporting.contents import Contents
from medcnn.reporting.explanations import explanation_section
from medcnn.reporting.figures.learning import best_epoch
from medcnn.reporting.flow import count_flow
from medcnn.reporting.folds import folds_table
from medcnn.reporting.glossary import glossary
from medcnn.reporting.new_site import (
    home_lines,
    home_table,
    new_site_lines,
    new_site_notes,
    new_site_table,
    sources_table,
)
from medcnn.reporting.plates import FOREST_ROWS
from medcnn.reporting.provenance import audit_rows, environment_rows, versions
from medcnn.reporting.safeguards import safeguards
from medcnn.reporting.tables import HEADLINE, MEASURES, conditional_estimates, estimate_row
from medcnn.reporting.wording import Wording, said

CHANCE = 0.5
"""AUROC and balanced accuracy of a decision that does not look at the case."""

# What was found comes first, then of whom, then how far it can be trusted, then the use of it.
SECTIONS = (
    "headline",
    "external",
    "sources",
    "decisions",
    "data",
    "warnings",
    "cross_validation",
    "discrimination",
    "calibration",
    "subgroups",
    "units",
    "readers",
    "clinical",
    "difficult",
    "cases",
    "explanations",
    "safeguards",
    "uncertainty",
    "checklist",
)
APPENDIX = (
    "estimates",
    "training",
    "diagnosis",
    "audit",
    "card",
    "glossary",
    "configuration",
    "environment",
)
FOLDED = ("checklist", "glossary", "configuration", "environment")
"""Long parts that are looked up rather than read, and so are opened on demand."""


def page_facts(contents: Contents, words: Wording) -> dict[str, Any]:
    """Return what the templates need beside the contents, the plates and the cases."""
    results = contents.results
    warnings = [(text, said(text, words)) for text in contents.warnings()]
    found = {
        "warnings": warnings,
        "units": sections.units_table(contents, words),
        "readers": sections.reader_table(results.readers or (), words),
        "safeguards": list(safeguards(results, words)),
        "external": home_table(results, words),
        "sources": sources_table(results, words),
        "cross_validation": folds_table(results, words),
        "diagnosis": sections.diagnosis_table(contents, words),
        "ablation": sections.ablation_table(contents, words),
        "explanations": explanation_section(contents.explanations, words),
    }
    audit = contents.audit
    findings = restored(audit.get("findings") or [], audit.get("notices") or [])
    return {
        **_results(contents, words),
        # Sections that a run may lack are left out; the others say that something is missing.
        "sections": [key for key in (*SECTIONS, *APPENDIX) if found.get(key, True)],
        "appendix": APPENDIX,
        "folded": FOLDED,
        "found": found,
        "forest_rows": FOREST_ROWS,
        "bare": not contents.config_text and contents.manifest is None,
        "same_split": results.threshold.chosen_on == contents.results.split,
        "cross_fitted": _cross_fitted(results),
        "split": words.name("split", contents.results.split),
        "level": words.percent(contents.results.level, 0),
        "threshold": _threshold(contents, words),
        "chosen": _chosen(contents, words),
        "costs": sections.cost_sentences(contents, words),
        "looks": contents.environment.get("test_looks"),
        "subgroups": results.subgroups,
        "gaps": sections.gap_table(contents, words),
        "doubt_worth": sections.doubt_table(contents, words),
        "rejection": sections.rejection_table(contents, words),
        "flow": count_flow(contents),
        "audit": audit_rows(contents, words),
        "audit_findings": [(text, said(text, words)) for text in findings],
        "environment": environment_rows(contents, words),
        "versions": versions(contents),
        "best_epoch": best_epoch(contents.metrics, contents.monitor),
        "checklist": checklist(contents, words),
        "card": model_card(contents, words),
        "glossary": glossary(words),
        "verdict": _verdict(contents, words),
        "warnings": warnings,
        "folds": results.cross_validation.folds if results.cross_validation else None,
        "lead": _lead(contents, words),
        "finished": _moment(str(contents.environment.get("finished") or "")),
        "model": model_name(contents),
        "source": (contents.environment.get("data") or {}).get("source"),
    }


def _cross_fitted(results: Results) -> bool:
    """Say whether the cases chose the threshold, and each was judged by a choice without it."""
    if any(getattr(each, "key", "") == "adapted_all" for each in results.warnings):
        return True
    return results.threshold.chosen_on == "out_of_source" and results.external is None


def _verdict(contents: Contents, words: Wording) -> tuple[str, str] | None:
    """Return the level of the verdict and its paragraph; None where there is none."""
    found = contents.results.verdict
    if found is None:
        return None
    sentences = [said(text, words) or str(words.verbatim(text)) for text in found.sentences]
    return found.level, " ".join(sentences)


def _lead(contents: Contents, words: Wording) -> str:
    """Return what was counted, of whom, and how many of them are abnormal."""
    group = count_flow(contents).evaluated
    key = "evaluated_on" if contents.unit == "image" else f"evaluated_by_{contents.unit}"
    return words(
        f"page.{key}",
        n=words.count(group.cases),
        patients=words.count(group.patients),
        images=words.count(contents.results.unit.images if contents.results.unit else None),
        split=words.name("split", contents.results.split),
        prevalence=words.percent(group.prevalence),
    )


def _results(contents: Contents, words: Wording) -> dict[str, Any]:
    estimates = {name: getattr(contents.results, name) for name in MEASURES}
    rows = [estimate_row(key, estimate, words) for key, estimate in estimates.items()]
    return {
        "tiles": [estimate_row(key, estimates[key], words) for key in HEADLINE],
        "tile_notes": _tile_notes(contents, words),
        "chance": _by_chance(estimates, words),
        "estimates": rows,
        "named": {row.key: row for row in rows},
        "new_site": new_site_table(contents.results, words),
        "new_site_lines": new_site_lines(contents.results, words),
        "at_home": bool(contents.config_text) and contents.results.external is None,
        "home_lines": home_lines(contents.results, words),
        "conditional": [
            estimate_row(key, estimate, words, fixed)
            for key, fixed, estimate in conditional_estimates(contents.results)
        ],
        "calibration": sections.calibration_rows(contents, words),
        "ratios": sections.ratio_rows(contents, words),
        "corrected": 0 in contents.outcomes.values(),
        "prevalences": sections.prevalence_table(contents, words),
        "operating": sections.operating_table(contents, words),
    }


def _tile_notes(contents: Contents, words: Wording) -> dict[str, list[str]]:
    """Return what stands below each headline number: its counts, and the interval by image."""
    notes: dict[str, list[str]] = {key: [] for key in HEADLINE}
    counts, by_case = contents.outcomes, contents.results.by_case
    shares = {
        "sensitivity": ("tp", "fn", "headline.of_abnormal"),
        "specificity": ("tn", "fp", "headline.of_normal"),
    }
    for key, (right, wrong, text) in shares.items():
        n = words.count(counts[right] + counts[wrong])
        cases = words(f"noun.{contents.unit}_of")
        notes[key].append(words(text, k=words.count(counts[right]), n=n, cases=cases))
    for key in HEADLINE if by_case else ():
        estimate: Estimate = getattr(by_case, key)
        if estimate.has_interval:
            row = estimate_row(key, estimate, words)
            cases = words(f"noun.{contents.unit}")
            notes[key].append(words("headline.by_case", interval=row.interval, cases=cases))
    for key, text in new_site_notes(contents.results, words).items():
        notes[key].insert(0, text)
    return notes


def _by_chance(estimates: Mapping[str, Estimate], words: Wording) -> dict[str, str]:
    """Return what is said of the headline numbers that chance alone would explain."""
    found = {}
    auroc, both = estimates["auroc"], estimates["balanced_accuracy"]
    if auroc.low is not None and auroc.low <= CHANCE:
        worse = auroc.high is not None and auroc.high < CHANCE
        found["auroc"] = words("headline.worse" if worse else "headline.chance")
    if both.low is not None and both.low <= CHANCE:
        found |= dict.fromkeys(("sensitivity", "specificity"), words("headline.chance_together"))
    return found


def _moment(text: str) -> str:
    """Return an ISO 8601 time as date, time and zone, or the text itself."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".strip()


def _chosen(contents: Contents, words: Wording) -> str:
    threshold = contents.results.threshold
    return words(
        "point.at",
        value=words.number(threshold.value, 4),
        rule=words.rule(threshold.rule),
        split=words.name("split", threshold.chosen_on),
    )


def _threshold(contents: Contents, words: Wording) -> list[tuple[str, str]]:
    threshold = contents.results.threshold
    rows = [
        (words("point.rule"), words.rule(threshold.rule)),
        (words("point.value"), words.number(threshold.value, 4)),
        (words("point.chosen_on"), words.name("split", threshold.chosen_on)),
        (words("point.digest"), threshold.digest),
    ]
    evidence = threshold.predictions
    return [*rows, (words("point.evidence"), evidence)] if evidence else rows
