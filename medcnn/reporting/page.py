"""The facts of the page in the order and the words in which the templates print them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medcnn.reporting.card import model_card
from medcnn.reporting.checklist import checklist
from medcnn.reporting.contents import Contents
from medcnn.reporting.estimates import (
    HEADLINE,
    Estimate,
    conditional_estimates,
    named_estimates,
    read_estimate,
)
from medcnn.reporting.figures.learning import best_epoch
from medcnn.reporting.flow import count_flow
from medcnn.reporting.plates import FOREST_ROWS
from medcnn.reporting.provenance import audit_rows, environment_rows, versions
from medcnn.reporting.subgroups import read_subgroups
from medcnn.reporting.wording import Wording

SECTIONS = (
    "headline",
    "point",
    "estimates",
    "discrimination",
    "decisions",
    "calibration",
    "clinical",
    "subgroups",
    "uncertainty",
    "difficult",
    "cases",
    "data",
    "audit",
    "training",
    "checklist",
    "card",
    "configuration",
    "environment",
)
_AS_NUMBER = {"auroc", "average_precision", "f1", "mcc"}
_CALIBRATION = ("brier", "ece", "nll", "slope", "intercept", "temperature")


@dataclass(frozen=True)
class EstimateRow:
    """One line of the table of estimates, ready to print.

    Attributes:
        key: The key in ``results.json``.
        label: What it is called.
        value: The point estimate as text.
        interval: The interval as text, or that there is none.
        method: How the interval was made.
        bar: Value, low and high within [0, 1] for the drawn bar, or None.
    """

    key: str
    label: str
    value: str
    interval: str
    method: str
    bar: tuple[float, float, float] | None


def page_facts(contents: Contents, words: Wording) -> dict[str, Any]:
    """Return what the templates need beside the contents, the plates and the cases."""
    results = contents.results
    estimates = named_estimates(results)
    rows = [estimate_row(key, estimate, words) for key, estimate in estimates.items()]
    split = str(results.get("split") or "test")
    return {
        "sections": SECTIONS,
        "forest_rows": FOREST_ROWS,
        "bare": not contents.config_text and contents.manifest is None,
        "same_split": (results.get("threshold") or {}).get("chosen_on") == split,
        "split": words.name("split", split),
        "level": words.percent(float(results.get("level") or 0.95), 0),
        "tiles": [estimate_row(key, estimates[key], words) for key in HEADLINE],
        "estimates": rows,
        "conditional": [
            estimate_row(key, estimate, words, fixed)
            for key, fixed, estimate in conditional_estimates(results)
        ],
        "calibration": _calibration(contents, words),
        "threshold": _threshold(contents, words),
        "looks": contents.environment.get("test_looks"),
        "subgroups": read_subgroups(results),
        "uncertainty": _uncertainty(results.get("uncertainty"), words),
        "flow": count_flow(contents),
        "audit": audit_rows(contents, words),
        "environment": environment_rows(contents, words),
        "versions": versions(contents),
        "best_epoch": None if contents.metrics is None else best_epoch(contents.metrics),
        "checklist": checklist(contents, words),
        "card": model_card(contents, words),
        "warnings": contents.warnings(),
        "finished": str(contents.environment.get("finished") or ""),
    }


def estimate_row(
    key: str, estimate: Estimate, words: Wording, fixed: float | None = None
) -> EstimateRow:
    """Return an estimate as text, in per cent where it is a share of cases."""
    number = key in _AS_NUMBER or any(
        value is not None and not 0 <= value <= 1 for value in (estimate.value, estimate.low)
    )
    show = words.number if number else words.percent
    interval = words("common.no_interval")
    if estimate.low is not None and estimate.high is not None:
        interval = f"{show(estimate.low)} – {show(estimate.high)}"
    label = words.name("measure", key)
    if fixed is not None:
        label = words(f"measure.{key}", fixed=words.percent(fixed, 0))
    return EstimateRow(
        key=key,
        label=label,
        value=show(estimate.value),
        interval=interval if estimate.value is not None else "",
        method=words.name("method", estimate.method),
        bar=_bar(estimate),
    )


def _bar(estimate: Estimate) -> tuple[float, float, float] | None:
    if estimate.value is None or not 0 <= estimate.value <= 1:
        return None
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return estimate.value, max(low, 0.0), min(high, 1.0)


def _threshold(contents: Contents, words: Wording) -> list[tuple[str, str]]:
    threshold = contents.results.get("threshold") or {}
    digest = next((threshold[k] for k in ("sha256", "digest", "hash") if threshold.get(k)), None)
    chosen_on = str(threshold.get("chosen_on") or "")
    return [
        (words("point.rule"), str(threshold.get("rule") or words("common.unknown"))),
        (words("point.value"), words.number(contents.threshold, 4)),
        (words("point.chosen_on"), words.name("split", chosen_on) or words("common.unknown")),
        (words("point.digest"), str(digest) if digest else words("common.not_recorded")),
    ]


def _calibration(contents: Contents, words: Wording) -> list[EstimateRow]:
    found = contents.results.get("calibration") or {}
    rows = []
    for key in _CALIBRATION:
        if key not in found:
            continue
        estimate = read_estimate(found[key])
        interval = words("common.no_interval")
        if estimate.low is not None and estimate.high is not None:
            interval = f"{words.number(estimate.low)} – {words.number(estimate.high)}"
        rows.append(
            EstimateRow(
                key,
                words(f"measure.{key}"),
                words.number(estimate.value),
                "" if key == "temperature" else interval,
                words.name("method", estimate.method),
                None,
            )
        )
    return rows


def _uncertainty(raw: Any, words: Wording) -> list[tuple[str, str]]:
    """Return the uncertainty results as lines; deeper tables stay in results.json."""
    if not isinstance(raw, dict):
        return []
    rows = []
    for key, value in raw.items():
        label = words.name("measure", str(key)).replace("_", " ")
        if isinstance(value, dict) and "value" not in value:
            rows += [
                (f"{label} · {words.name('measure', name).replace('_', ' ')}", text)
                for name, text in _uncertainty(value, words)
            ]
        elif isinstance(value, str):
            rows.append((label, value))
        elif not isinstance(value, list):
            estimate = read_estimate(value)
            text = words.number(estimate.value)
            if estimate.low is not None and estimate.high is not None:
                text += f" ({words.number(estimate.low)} – {words.number(estimate.high)})"
            rows.append((label, text))
    return rows
