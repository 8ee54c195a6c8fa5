"""How many images of a Predictions table were flagged as foreign, and how wrong those are."""

from __future__ import annotations

from typing import Any

import pandas as pd

from medcnn.calibration.detector import FLAG, REASONS
from medcnn.evaluation.cases import cases_of
from medcnn.metrics.estimate import BoolArray
from medcnn.metrics.proportions import share, subset

MOST_REASONS = 5


def flagged_results(
    rows: pd.DataFrame, threshold: float, expected: float, level: float = 0.95
) -> tuple[dict[str, Any], list[str]]:
    """Return the ``out_of_distribution`` entry of ``results.json``, and warnings.

    Empty where the table has no flags.

    Args:
        rows: Predictions with ``out_of_distribution`` and ``ood_reasons``.
        threshold: The frozen threshold, for the errors.
        expected: The share that validation lets expect.
        level: Nominal coverage.
    """
    if FLAG not in rows:
        return {}, []
    flag = pd.to_numeric(rows[FLAG], errors="coerce").fillna(1).to_numpy() > 0
    cases = cases_of(rows)
    wrong = (cases.p >= threshold) != (cases.label == 1)
    foreign = share(flag, cases.cluster, level)

    def errors(among: BoolArray) -> dict[str, Any]:
        return share(wrong[among], subset(cases.cluster, among), level).to_json()

    kinds = rows[REASONS].fillna("").astype(str).str.split("; ").explode()
    kinds = kinds[kinds != ""].str.replace(r" [-0-9.e+]+ above .*", "", regex=True)
    found = {
        "flagged": int(flag.sum()),
        "share": foreign.to_json(),
        "expected": expected,
        "errors": {"flagged": errors(flag), "not_flagged": errors(~flag)},
        "reasons": {
            str(name): int(count) for name, count in kinds.value_counts().head(MOST_REASONS).items()
        },
    }
    warnings = []
    if foreign.ci is not None and foreign.ci[0] > 2 * expected:
        warnings.append(
            f"{found['flagged']} of {len(flag)} images ({foreign.value:.1%}) lie outside the training "
            f"data, where {expected:.1%} was to be expected: this is another kind of image."
        )
    return found, warnings
