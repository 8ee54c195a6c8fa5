"""How many images of a Predictions table were flagged as foreign, and how wrong those are."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from medcnn.calibration.detector import FLAG, REASONS
from medcnn.evaluation.cases import cases_of
from medcnn.metrics.estimate import Estimate
from medcnn.notices import Notice

MOST_REASONS = 5


@dataclass(frozen=True)
class ForeignResults:
    """How many cases lie outside the training data.

    Attributes:
        flagged: Their number.
        share: Their share.
        expected: The share that validation lets expect.
        errors: The share of wrong decisions among ``flagged`` and ``not_flagged``.
        reasons: How many were flagged for the most frequent reasons.
    """

    flagged: int
    share: Estimate
    expected: float
    errors: dict[str, Estimate]
    reasons: dict[str, int]


def flagged_results(
    rows: pd.DataFrame, threshold: float, expected: float, level: float = 0.95
) -> tuple[ForeignResults | None, list[Notice]]:
    """Return the ``out_of_distribution`` entry of ``results.json``, and warnings.

    None where the table has no flags.

    Args:
        rows: Predictions with ``out_of_distribution`` and ``ood_reasons``.
        threshold: The frozen threshold, for the errors.
        expected: The share that validation lets expect.
        level: Nominal coverage.
    """
    if FLAG not in rows:
        return None, []
    flag = pd.to_numeric(rows[FLAG], errors="coerce").fillna(1).to_numpy() > 0
    cases = cases_of(rows)
    wrong = (cases.p >= threshold) != (cases.label == 1)
    foreign = cases.share(flag, level)
    kinds = rows[REASONS].fillna("").astype(str).str.split("; ").explode()
    kinds = kinds[kinds != ""].str.replace(r" [-0-9.e+]+ above .*", "", regex=True)
    counts = kinds.value_counts().head(MOST_REASONS)
    found = ForeignResults(
        flagged=int(flag.sum()),
        share=foreign,
        expected=expected,
        errors={
            "flagged": cases.share(wrong, level, flag),
            "not_flagged": cases.share(wrong, level, ~flag),
        },
        reasons={str(name): int(count) for name, count in counts.items()},
    )
    warnings = []
    if foreign.ci is not None and foreign.ci[0] > 2 * expected:
        warnings.append(
            Notice("foreign", k=found.flagged, n=len(flag), share=foreign.value, expected=expected)
        )
    return found, warnings
