"""All rules in their order, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from medcnn.diagnosis import fits, rates, splits
from medcnn.diagnosis.curves import Curves, read_curves
from medcnn.diagnosis.facts import SEVERITIES, Facts, Finding, read_facts
from medcnn.errors import DataError
from medcnn.evaluation.results import DiagnosisRow
from medcnn.files.records import fields_to_json
from medcnn.notices import Notice
from medcnn.record.record import Record
from medcnn.run.directory import RunDir

Rule = Callable[[Curves, Facts], Finding | None]

RULES: tuple[Rule, ...] = (
    rates.diverged,
    rates.exploding_gradients,
    rates.rate_too_high,
    rates.dead_units,
    rates.rate_too_low,
    fits.no_signal,
    fits.under_fitting,
    rates.bad_initialisation,
    fits.over_fitting,
    fits.over_confidence,
    splits.train_set_too_small,
    fits.stopped_early,
    splits.val_easier,
    splits.val_set_too_small,
    splits.train_test_gap,
)
"""Causes before their consequences."""

EXPLAINS = {
    "diverged": {"rate_too_high", "bad_initialisation", "no_signal", "under_fitting"},
    "rate_too_high": {"no_signal", "under_fitting", "rate_too_low", "over_confidence"},
    "exploding_gradients": {"no_signal", "dead_units", "under_fitting"},
    "dead_units": {"no_signal"},
    "rate_too_low": {"no_signal", "under_fitting", "stopped_early"},
    "no_signal": {
        "under_fitting",
        "over_fitting",
        "over_confidence",
        "train_set_too_small",
        "stopped_early",
    },
    "over_fitting": {"train_set_too_small"},
}
"""What a finding makes superfluous: a consequence of it, with the same or a weaker remedy."""


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says of a run.

    Attributes:
        findings: The most severe first; never empty.
    """

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """The name of the first finding."""
        return self.findings[0].name

    @property
    def first_override(self) -> str | None:
        """What to try first, or None where nothing is to be mended."""
        return next((each.overrides[0] for each in self.findings if each.overrides), None)

    @property
    def warned(self) -> tuple[str, ...]:
        """The names of the findings that spoil the result, or may."""
        return tuple(each.name for each in self.findings if each.severity in ("problem", "caution"))

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``diagnosis.json``."""
        return {
            "verdict": self.verdict,
            "try_next": self.first_override,
            **fields_to_json(self),
        }

    def rows(self) -> tuple[DiagnosisRow, ...]:
        """Return a table of texts for the report."""
        return tuple(
            DiagnosisRow(
                finding=Notice(
                    "finding", name=finding.name.replace("_", " "), severity=finding.severity
                ),
                meaning=finding.says,
                evidence=finding.evidence,
                try_next=" · ".join(finding.overrides) or "–",
            )
            for finding in self.findings
        )

    def lines(self) -> list[str]:
        """Return a few lines for the console."""
        found = []
        for finding in self.findings:
            found.append(f"diagnosis    {finding.name.replace('_', ' ')}: {finding.says}")
            found.append(f"             {finding.evidence}")
            if finding.overrides:
                found.append(f"             try {finding.overrides[0]}")
        return found


def diagnose(table: pd.DataFrame, facts: Facts | None = None) -> Diagnosis:
    """Return what learning curves say.

    Args:
        table: One row an epoch with ``train_loss``, ``val_loss`` and, where they were recorded,
            ``train_auroc``, ``val_auroc``, ``lr`` and ``gradient_norm``: ``metrics.csv``.
        facts: What is known of the run; the more is known, the more can be said.

    Raises:
        DataError: If there are no training losses.
    """
    if "train_loss" not in table or table.empty or table["train_loss"].isna().all():
        raise DataError(
            "There are no learning curves to read.",
            expected="a table with the column train_loss, one row an epoch",
            found=", ".join(map(str, table.columns)) or "an empty table",
            remedy="train for at least one epoch",
        )
    curves, facts = read_curves(table), facts or Facts()
    found = [finding for rule in RULES if (finding := rule(curves, facts)) is not None]
    found = [
        replace(each, overrides=tuple(filter(facts.changes, each.overrides))) for each in found
    ]
    explained: set[str] = set().union(*(EXPLAINS.get(each.name, set()) for each in found))
    kept = [each for each in found if each.name not in explained]
    if not any(each.severity == "problem" or each.name in _OF_FIT for each in kept):
        kept.append(fits.good_fit(curves))
    return Diagnosis(tuple(sorted(kept, key=lambda each: SEVERITIES.index(each.severity))))


_OF_FIT = {
    "over_fitting",
    "over_confidence",
    "train_set_too_small",
    "stopped_early",
    "under_fitting",
}


def diagnose_run(run: RunDir, *, dead: float | None = None) -> Diagnosis:
    """Return what the curves of a run directory say, finished or not.

    Raises:
        DataError: If the run has no curves yet.
    """
    table, facts = Record(run).curves, read_facts(run)
    if "epoch" in table and table["epoch"].duplicated().any():
        # Lightning's own logger writes training and validation of one epoch on two rows.
        table = table.groupby("epoch", as_index=False).last()
    dead = None if dead is None else float(np.clip(dead, 0, 1))
    return diagnose(table, replace(facts, dead=dead))
