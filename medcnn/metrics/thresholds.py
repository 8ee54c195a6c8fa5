"""Choosing the decision threshold on validation, and freezing it.

A case is abnormal when ``p >= threshold``. Candidate thresholds lie midway between neighbouring
distinct scores, so that a prediction that comes back changed in its last digits keeps its side; the
ends are 0 (all abnormal) and the middle between the highest score and 1 (none abnormal).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from medcnn.errors import DataError
from medcnn.files.plain import as_object
from medcnn.files.records import ABSENT, NEEDED, fields_from_json, fields_to_json
from medcnn.metrics.curves import Tally, tally
from medcnn.metrics.estimate import FloatArray, IntArray
from medcnn.metrics.rules import Rule, parse_rule

__all__ = ["Threshold", "choose_threshold", "fixed_threshold", "parse_rule"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A decision threshold and how it came about.

    Attributes:
        value: A case is abnormal when ``p >= value``.
        rule: The rule that chose it, or ``fixed``.
        chosen_on: The split it was chosen on, or ``none``.
        predictions: The ``predictions_digest`` of the cases it was chosen on; empty where none.
    """

    value: float
    rule: str
    chosen_on: str = field(default="val", metadata=NEEDED)
    predictions: str = field(default="", metadata=ABSENT | {"key": "predictions_sha256"})

    @property
    def digest(self) -> str:
        """The SHA-256 of all facts: what freezes the operating point in a run."""
        facts = [repr(float(self.value)), self.rule, self.chosen_on]
        facts += [self.predictions] if self.predictions else []
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def chosen_from(self, label: IntArray, p: FloatArray) -> bool:
        """Say whether these are the cases it was chosen on; always so where that is not recorded.

        A file of predictions holds nine significant digits, and those are what is compared.
        """
        return not self.predictions or self.predictions == predictions_digest(label, p)

    @classmethod
    def from_json(cls, recorded: object, place: str = "the recorded threshold") -> Threshold:
        """Return the threshold that ``to_json`` wrote, checked against its digest where it has one.

        Raises:
            DataError: If value, rule or split are missing, or were changed after the freeze.
        """
        facts = as_object(recorded, "threshold")
        # Under its own name where an earlier version wrote it.
        known = {"predictions_sha256": facts.get("predictions") or "", **facts}
        frozen = fields_from_json(cls, known, place)
        if facts.get("sha256", frozen.digest) != frozen.digest:
            raise DataError(
                "The recorded threshold was changed after it was frozen.",
                expected=f"sha256 {frozen.digest}",
                found=f"sha256 {facts['sha256']}",
                remedy="restore the record, or choose the threshold on validation again",
            )
        return frozen

    def to_json(self) -> dict[str, Any]:
        """Return the ``threshold`` entry of ``results.json``."""
        return fields_to_json(self) | {"value": float(self.value), "sha256": self.digest}


def predictions_digest(label: IntArray, p: FloatArray) -> str:
    """Return the SHA-256 of labels and probabilities, case by case, as a CSV file holds them."""
    lines = "\n".join(f"{y:d} {x:.9g}" for y, x in zip(label.tolist(), p.tolist(), strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def fixed_threshold(value: float) -> Threshold:
    """Return a threshold given as a number, chosen on no data."""
    rule = parse_rule(value)
    return Threshold(rule.target, "fixed", "none")


def choose_threshold(
    label: IntArray, p: FloatArray, rule: str | float | Rule, chosen_on: str = "val"
) -> Threshold:
    """Choose a threshold by a rule.

    ``youden`` maximises sensitivity + specificity - 1; ``closest_corner`` minimises the distance to
    (0, 1) of the ROC plane; ``f1`` maximises F1; ``cost:fn=a,fp=b`` minimises ``a*FN + b*FP``; of
    thresholds that are equally good the lowest, most sensitive one is taken. ``sensitivity>=x`` and
    ``npv>=x`` take the highest specificity that keeps the target, ``specificity>=x`` and ``ppv>=x``
    the highest sensitivity. ``sensitivity==x`` and ``specificity==x`` keep the target by as little as
    they can, whatever it buys: where the classes hardly overlap, ``sensitivity>=x`` gives up nothing
    of a sensitivity that costs no specificity at home, and that may cost much of it elsewhere.

    Raises:
        ConfigError: If the rule is unknown.
        DataError: If a class is absent, or no threshold reaches the target.
    """
    parsed = rule if isinstance(rule, Rule) else parse_rule(rule)
    if parsed.kind == "fixed":
        return Threshold(parsed.target, "fixed", "none")
    counts = tally(np.asarray(label), np.asarray(p, dtype=np.float64)) if len(p) else None
    if counts is None or counts.positives == 0 or counts.negatives == 0:
        raise DataError(
            f"The threshold rule {parsed.text!r} needs normal and abnormal cases on {chosen_on}.",
            expected="at least one case of each class",
            found=f"{int(np.sum(label))} abnormal of {len(p)}",
            remedy="give a number as the threshold, or a split with both classes",
        )
    quality = _quality(counts, parsed, chosen_on)
    # argmax takes the first of equals; reversed, that is the lowest threshold.
    best = len(quality) - 1 - int(np.argmax(quality[::-1]))
    value = float(_cut_points(counts.score)[best])
    # As wide as it is written, so that cases in float32 and in the CSV file give one digest.
    digest = predictions_digest(np.asarray(label, np.int64), np.asarray(p, np.float64))
    return Threshold(value, parsed.text, chosen_on, digest)


def _cut_points(score: FloatArray) -> FloatArray:
    """Return K + 1 thresholds by falling value: the k-th calls the k highest scores abnormal."""
    upper = np.concatenate(([max(1.0, score[0])], score[:-1]))
    middle = upper / 2 + score / 2
    # Between neighbouring doubles the middle rounds to one of them: take the upper, it still parts.
    middle = np.where(middle > score, middle, upper)
    none_abnormal = middle[0] if middle[0] > score[0] else np.nextafter(score[0], np.inf)
    return np.concatenate(([none_abnormal], middle[1:], [0.0]))


def _quality(counts: Tally, rule: Rule, chosen_on: str) -> FloatArray:
    """Return what the rule maximises, at each of the K + 1 cut points."""
    tp = np.concatenate(([0.0], counts.tp))
    fp = np.concatenate(([0.0], counts.fp))
    fn, tn = counts.positives - tp, counts.negatives - fp
    sensitivity, specificity = tp / counts.positives, tn / counts.negatives
    optima: dict[str, FloatArray] = {
        "youden": sensitivity + specificity,
        "closest_corner": -np.hypot(1 - sensitivity, 1 - specificity),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "cost": -(rule.cost_fn * fn + rule.cost_fp * fp),
    }
    if rule.kind in optima:
        # Rounded, so that equal sums in a different order count as equal.
        return np.asarray(np.round(optima[rule.kind], 12), dtype=np.float64)
    reached = {
        "sensitivity": (sensitivity, specificity),
        "specificity": (specificity, sensitivity),
        "ppv": (_ratio(tp, tp + fp), sensitivity),
        "npv": (_ratio(tn, tn + fn), specificity),
    }
    target, gain = reached[rule.kind]
    allowed = target >= rule.target - 1e-12
    if not allowed.any():
        raise DataError(
            f"No threshold reaches {rule.text} on {chosen_on}.",
            expected=f"a threshold with {rule.text}",
            found=f"at most {rule.kind} {np.max(target):.4f}",
            remedy="lower the target or take another rule",
        )
    if rule.exact:
        return np.where(allowed, 1e-9 * gain - target, -np.inf)
    return np.where(allowed, gain + 1e-9 * target, -np.inf)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    # A value that no case decides (ppv with nothing called abnormal) reaches no target.
    return np.divide(part, whole, out=np.full_like(part, -np.inf), where=whole > 0)
