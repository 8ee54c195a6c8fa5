"""Rules about the splits: too small, or not representing each other."""

from __future__ import annotations

import numpy as np

from medcnn.diagnosis.curves import FEWEST, Curves, auroc_error, level, noise, turning_point
from medcnn.diagnosis.facts import Facts, Finding
from medcnn.diagnosis.fits import less_variance
from medcnn.notices import Notice

CERTAIN = 3.0
"""Standard errors that a gap between splits must exceed: the rules look at several gaps."""
COARSE = 0.03
"""A standard error of the validation AUROC above this cannot tell a model of 0.90 from one of 0.96."""


def train_set_too_small(curves: Curves, facts: Facts) -> Finding | None:
    """Find two curves that both fell, and left a wide gap between them."""
    val = curves.val_loss
    if len(val) < FEWEST or len(val) != len(curves) or not np.isfinite(curves.gap).all():
        return None
    gap, ends = level(curves.gap), level(val)
    error = ends / np.sqrt(facts.val.n) if facts.val.n else noise(val)
    improved = val[0] > ends or curves.train_loss[0] > curves.train_loss[-1]
    if turning_point(val) is not None or not improved:
        return None
    # A quarter of the loss: the gap matters beside what the validation images cost anyway.
    if gap <= max(CERTAIN * error, 0.25 * ends) or not _ranks_apart(curves, facts):
        return None
    return Finding(
        "train_set_too_small",
        "caution",
        Notice("doctor_train_set_too_small"),
        f"validation loss {ends:.3g} against {level(curves.train_loss):.3g} "
        f"on {facts.train.n} training images",
        (*less_variance(facts)[:2], "data.folds=5 data.fold=all"),
    )


def _ranks_apart(curves: Curves, facts: Facts) -> bool:
    if not len(curves.train_auroc) or not len(curves.val_auroc):
        return True
    reached = level(curves.val_auroc)
    error = auroc_error(reached, facts.val.abnormal, facts.val.normal)
    apart = level(curves.train_auroc) - reached
    return bool(apart > 2 * error) if np.isfinite(error) else apart > 0.02


def val_set_too_small(curves: Curves, facts: Facts) -> Finding | None:
    """Find a validation split that cannot tell one epoch from the next."""
    error = float("nan")
    if len(curves.val_auroc) and facts.val.n:
        error = auroc_error(
            float(np.nanmax(curves.val_auroc)), facts.val.abnormal, facts.val.normal
        )
    jumps, smooth = noise(curves.val_loss), noise(curves.train_loss)
    noisy = len(curves) >= 6 and jumps > 3 * smooth and jumps > 0.1 * abs(level(curves.val_loss))
    coarse = error > COARSE
    if not (noisy or coarse):
        return None
    evidence = [f"{facts.val.n} validation images, {facts.val.abnormal} of them abnormal"]
    if coarse:
        evidence.append(f"the standard error of their AUROC is {error:.2g}")
    if noisy:
        evidence.append(f"the loss jumps by {jumps:.2g} an epoch, {smooth:.2g} in training")
    return Finding(
        "val_set_too_small",
        "caution",
        Notice("doctor_val_set_too_small"),
        "; ".join(evidence),
        ("data.folds=5 data.fold=all", "data.val_fraction=0.25", "callbacks.ema=0.99"),
    )


def val_easier(curves: Curves, facts: Facts) -> Finding | None:
    """Find a validation loss that stays below the training loss.

    The training loss is the mean over an epoch, so it is half an epoch older than the validation
    loss: validation is compared with the mean of the epochs before and after it.
    """
    train, val = curves.train_loss, curves.val_loss
    if len(val) < FEWEST or len(val) != len(train):
        return None
    gap = val[:-1] - (train[:-1] + train[1:]) / 2
    last, ends = gap[-max(len(gap) // 3, 3) :], level(train)
    # Where a leak is known, the difference need not be more than chance to be taken for its work.
    known = facts.leaks or not facts.val.n
    error = 0.0 if known else abs(level(val)) / np.sqrt(facts.val.n)
    if not np.isfinite(last).all() or last.max() >= 0:
        return None
    if -np.median(last) <= max(2 * error, 0.05 * ends):
        return None
    return _easier(f"validation loss {level(val):.3g} below the training loss {ends:.3g}", facts)


def _easier(shown: str, facts: Facts) -> Finding:
    again = ("data.folds=5 data.fold=all", "data.split_seed=1")
    if facts.leaks:
        return Finding(
            "val_easier",
            "problem",
            Notice("doctor_val_copies"),
            f"{shown}; the audit found {facts.leaks} leaks across splits",
            ("data.deduplicate=true", *again),
        )
    if facts.handicaps:
        return Finding(
            "val_easier",
            "note",
            Notice("doctor_looks_easier", handicaps=facts.handicaps),
            shown,
        )
    return Finding(
        "val_easier",
        "caution",
        Notice("doctor_val_easier"),
        f"{shown}, and nothing makes training images harder",
        again,
    )


def train_test_gap(_curves: Curves, facts: Facts) -> Finding | None:
    """Find a test AUROC below validation by more than chance allows."""
    val, test = facts.val_score, facts.test_score
    if val is None or test is None:
        return None
    # Half of a 95 % interval is 1.96 standard errors; the splits are independent.
    error = float(np.hypot(val.high - val.low, test.high - test.low) / (2 * 1.96))
    apart = val.value - test.value
    if apart <= 2 * error or apart <= 0.01:
        return None
    shift = abs(facts.test_prevalence - facts.val.prevalence)
    moved = f"; prevalence {facts.val.prevalence:.2f} against {facts.test_prevalence:.2f}"
    return Finding(
        "train_test_gap",
        "caution",
        Notice("doctor_train_test_gap"),
        f"AUROC {test.value:.3f} on test against {val.value:.3f} on validation"
        + (moved if shift > 0.05 else ""),
        (*less_variance(facts)[:1], *(("prior_shift=em_if_trusted",) if shift > 0.05 else ()),
         "data.folds=5 data.fold=all"),
    )  # fmt: skip
