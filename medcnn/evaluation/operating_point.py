"""Choosing the operating point from a table, and refusing to choose it where it is judged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medcnn.errors import DataError
from medcnn.evaluation.results import rows_of
from medcnn.metrics.rules import parse_rule
from medcnn.metrics.thresholds import Threshold, choose_threshold

JUDGED = ("test",)


def choose_operating_point(
    table: pd.DataFrame,
    rule: str | float,
    *,
    split: str = "val",
    frozen: Threshold | None = None,
    on_judged: bool = False,
) -> Threshold:
    """Return the frozen threshold, or choose one by ``rule`` on the rows of ``split``.

    Args:
        table: Predictions with the rows of ``split``.
        rule: As ``parse_rule`` takes it; a number needs no data.
        split: Where to choose.
        frozen: A threshold chosen before; it is returned where the rule is the same.
        on_judged: Choose on the test split after all; ``evaluate`` then says so loudly.

    Raises:
        DataError: If ``split`` is the test split, or ``frozen`` followed another rule.
    """
    parsed = parse_rule(rule)
    if frozen is not None:
        same = (
            frozen.value == parsed.target if parsed.kind == "fixed" else frozen.rule == parsed.text
        )
        if same:
            return frozen
        raise DataError(
            "The operating point of this run is frozen and is not chosen again.",
            expected=f"the rule {frozen.rule!r}, threshold {frozen.value:g}",
            found=repr(rule),
            remedy="leave the threshold out, or train or calibrate anew with the other rule",
        )
    if parsed.kind == "fixed":
        return Threshold(parsed.target, "fixed", "none")
    if split in JUDGED and not on_judged:
        raise DataError(
            f"A threshold is not chosen on the {split} split, where it is judged.",
            expected="validation cases",
            found=f"the rule {parsed.text!r} on {split}",
            remedy="give predictions of the val split, or a number as the threshold",
        )
    rows = rows_of(table, split)
    label, p = rows["label"].to_numpy(np.int64), rows["p_abnormal"].to_numpy(np.float64)
    return choose_threshold(label, p, parsed, split)
