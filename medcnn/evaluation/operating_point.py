"""The operating point of bare predictions: given, or chosen on validation; never on the test split."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medcnn.errors import DataError
from medcnn.metrics.rules import parse_rule
from medcnn.metrics.thresholds import Threshold, choose_threshold, fixed_threshold
from medcnn.notices import Notice

DEFAULT_RULE = "youden"
DEFAULT_VALUE = 0.5


def threshold_for(
    table: pd.DataFrame, wanted: str | float | None
) -> tuple[Threshold, tuple[Notice, ...]]:
    """Return a threshold for bare predictions, and what the user has to know about it.

    Args:
        table: Predictions; a rule is applied to the rows with ``split`` ``val``, never to others.
        wanted: A rule or a number; None takes Youden's index where there are validation rows, and
            0.5 where there are none.

    Raises:
        ConfigError: If the rule is unknown.
        DataError: If a rule is asked for and there are no validation rows.
    """
    val = table[table["split"] == "val"]
    if wanted is None and val.empty:
        note = Notice("no_threshold", value=DEFAULT_VALUE)
        return fixed_threshold(DEFAULT_VALUE), (note,)
    rule = parse_rule(DEFAULT_RULE if wanted is None else wanted)
    if rule.kind == "fixed":
        return fixed_threshold(rule.target), ()
    if val.empty:
        raise DataError(
            f"The threshold {rule.text!r} has to be chosen on validation, and there is none.",
            expected="rows with split=val beside those to evaluate",
            found=", ".join(sorted(set(table["split"].astype(str)))),
            remedy="add the validation predictions, or give the threshold as a number",
        )
    label, p = val["label"].to_numpy(np.int64), val["p_abnormal"].to_numpy(np.float64)
    return choose_threshold(label, p, rule), ()
