"""The operating point of bare predictions: given, or chosen on validation; never on the test split."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medcnn.errors import ConfigError, DataError
from medcnn.metrics.estimate import BoolArray
from medcnn.metrics.rules import parse_rule
from medcnn.metrics.thresholds import Threshold, choose_threshold, fixed_threshold
from medcnn.notices import Notice

DEFAULT_RULE = "youden"
DEFAULT_VALUE = 0.5
OWN_THRESHOLD, DECISION = "threshold", "decision"
RECORDED = "recorded"


def recorded_threshold(table: pd.DataFrame) -> tuple[Threshold, tuple[Notice, ...]] | None:
    """Return the operating point that predictions record, as ``medcnn predict`` writes it, or None.

    The column ``threshold`` says it; where there is none, decisions that rise with the probability
    leave room for one.

    Args:
        table: Predictions, perhaps with ``threshold`` and ``decision`` (normal or abnormal, 0 or 1).

    Raises:
        DataError: If the rows record several thresholds, or one that is no probability.
    """
    p = table["p_abnormal"].to_numpy(np.float64)
    called = _called(table)
    if OWN_THRESHOLD in table and table[OWN_THRESHOLD].notna().any():
        value = _the_one(pd.to_numeric(table[OWN_THRESHOLD], errors="coerce"))
        notes = [Notice("own_point", value=value)]
        if called is not None and (wrong := int(((p >= value) != called).sum())):
            notes.append(Notice("decisions_differ", count=wrong, of=len(p), value=value))
        return Threshold(value, RECORDED, RECORDED), tuple(notes)
    if called is None or called.all() or not called.any():
        return None
    low, high = float(p[~called].max()), float(p[called].min())
    if low >= high:
        return None
    point = Threshold((low + high) / 2, RECORDED, RECORDED)
    return point, (Notice("own_decisions", low=low, high=high),)


def _called(table: pd.DataFrame) -> BoolArray | None:
    """Return which cases were called abnormal; None where the table does not say of every case."""
    if DECISION not in table:
        return None
    words = table[DECISION].astype(str).str.strip().str.lower()
    named = words.map({"normal": 0.0, "abnormal": 1.0})
    decided = named.fillna(pd.to_numeric(words, errors="coerce"))
    if not decided.isin([0, 1]).all():
        return None
    called: BoolArray = decided.to_numpy(np.float64) == 1
    return called


def _the_one(column: pd.Series) -> float:
    values = column.unique()
    if len(values) != 1 or not 0 <= float(values[0]) <= 1:
        raise DataError(
            "The column threshold does not name one operating point.",
            expected="the same number within [0, 1] in every row",
            found=", ".join(map(str, values[:3])),
            remedy="threshold=NUMBER or threshold=RULE says which to take; it overrides the column",
        )
    return float(values[0])


def threshold_for(
    table: pd.DataFrame, wanted: str | float | None, images: pd.DataFrame | None = None
) -> tuple[Threshold, tuple[Notice, ...]]:
    """Return a threshold for bare predictions, and what the user has to know about it.

    Args:
        table: Predictions; a rule is applied to the rows with ``split`` ``val``, never to others.
        wanted: A rule or a number; None takes the operating point that the predictions record,
            else Youden's index where there are validation rows, and 0.5 where there are none.
        images: The predictions image by image, where ``table`` counts studies or patients.

    Raises:
        ConfigError: If the rule is unknown.
        DataError: If a rule is asked for and there are no validation rows.
    """
    recorded = recorded_threshold(table if images is None else images) if wanted is None else None
    if recorded is not None:
        return recorded
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


def given_threshold(text: float | str) -> Threshold:
    """Return the number that stands for a run's frozen threshold.

    Raises:
        ConfigError: If it is a rule, which would choose the threshold again.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise ConfigError(
            f"The threshold of a run is frozen; {text!r} would choose it again.",
            expected="nothing (the run's own threshold) or a number",
            found=repr(text),
            remedy="train with threshold=RULE to freeze another rule on validation, or fit it to "
            "labelled cases of elsewhere: medcnn adapt",
        ) from error
    return fixed_threshold(value)
