"""Rules about the fit: too little, too much, too early, or as it should be."""

from __future__ import annotations

import numpy as np

from medcnn.diagnosis.curves import (
    FEWEST,
    Curves,
    auroc_error,
    level,
    noise,
    slope,
    trend,
    turning_point,
)
from medcnn.diagnosis.facts import Facts, Finding, rate
from medcnn.diagnosis.rates import is_poor, learns
from medcnn.notices import Notice

LARGER = {
    "tiny_resnet": "resnet18",
    "xray_cnn": "resnet18",
    "mobilenet_v2": "resnet18",
    "mobilenet_v3_small": "resnet18",
    "resnet18": "resnet34",
    "resnet34": "resnet50",
    "efficientnet_b0": "efficientnet_v2_s",
}
SMALLER = {
    "resnet50": "resnet18",
    "resnet34": "resnet18",
    "resnet18": "tiny_resnet",
    "densenet121": "resnet18",
    "efficientnet_v2_s": "efficientnet_b0",
    "convnext_tiny": "resnet18",
}


def no_signal(curves: Curves, facts: Facts) -> Finding | None:
    """Find a training that ranks its own images no better than chance."""
    if len(curves) < FEWEST or learns(curves, facts):
        return None
    error = auroc_error(0.5, facts.train.abnormal, facts.train.normal)
    frozen = str(facts.setting("transfer._target_", "")).endswith("LinearProbe")
    return Finding(
        "no_signal",
        "problem",
        Notice("doctor_no_signal"),
        f"the training AUROC never left 0.5 by more than three standard errors ({error:.2g}); "
        f"its best is {np.nanmax(curves.train_auroc):.3f}",
        (
            *(("transfer=full",) if frozen else ()),
            rate(facts.lr * 10),
            rate(facts.lr / 10),
            f"data.image_size={2 * int(facts.setting('data.image_size', 64))}",
        ),
    )


def under_fitting(curves: Curves, facts: Facts) -> Finding | None:
    """Find a training that has settled at a high loss on its own images (high bias)."""
    loss = curves.train_loss
    if len(loss) < FEWEST or not np.isfinite(loss).all() or not learns(curves, facts):
        return None
    if falls_still(curves) or not is_poor(curves, facts):
        return None
    auroc = f", training AUROC {level(curves.train_auroc):.3f}" if len(curves.train_auroc) else ""
    chance = f" (chance: {facts.chance:.3g})" if facts.chance is not None else ""
    return Finding(
        "under_fitting",
        "problem",
        Notice("doctor_under_fitting"),
        f"the training loss settled at {level(loss):.3g}{chance}{auroc}",
        _more_capacity(facts),
    )


def _more_capacity(facts: Facts) -> tuple[str, ...]:
    found = []
    if facts.setting("model.dropout", 0) > 0.3:
        found.append("model.dropout=0.1")
    decay = float(facts.setting("optimizer.weight_decay", 0) or 0)
    if decay > 0.1 or facts.setting("penalty.l1", 0) or facts.setting("penalty.l2", 0):
        found += facts.allowed("optimizer.weight_decay=0.01", "penalty.l1=0", "penalty.l2=0")
    if len(facts.operators) > 10:
        found.append("augment=light")
    larger = LARGER.get(str(facts.setting("model.backbone")))
    if larger:
        found.append(f"model={larger}")
    found.append(f"data.image_size={2 * int(facts.setting('data.image_size', 64))}")
    return tuple(found)


def stopped_early(curves: Curves, facts: Facts) -> Finding | None:
    """Find a training whose curves were still falling when its epochs ran out."""
    epochs = len(curves)
    wanted = int(facts.setting("trainer.max_epochs", epochs))
    longer = (f"trainer.max_epochs={2 * max(epochs, wanted)}", rate(facts.lr * 3))
    if epochs < FEWEST:
        if epochs < wanted:
            return None
        return Finding(
            "stopped_early",
            "caution",
            Notice("doctor_few_epochs"),
            f"{epochs} of at least {FEWEST}",
            (f"trainer.max_epochs={max(10, 2 * wanted)}",),
        )
    if not _unfinished(curves):
        return None
    return Finding(
        "stopped_early",
        "caution",
        Notice("doctor_stopped_early"),
        f"the validation loss fell by {-100 * slope(curves.val_loss) / level(curves.val_loss):.1f}% "
        f"an epoch at the end, and epoch {int(curves.val_loss.argmin()) + 1} of {epochs} was its best",
        (*longer, f"callbacks.patience={2 * int(facts.setting('callbacks.patience', 3))}"),
    )


def _unfinished(curves: Curves) -> bool:
    loss = curves.val_loss
    if len(loss) != len(curves) or not np.isfinite(loss).all() or not falls_still(curves):
        return False
    # 2 % an epoch adds up to a fifth in ten epochs; the best epoch is among the last tenth.
    falling = -slope(loss) > max(0.02 * abs(level(loss)), noise(loss))
    return falling and bool(loss.argmin() >= len(loss) - 1 - len(loss) // 10)


def falls_still(curves: Curves) -> bool:
    """Return whether the training loss was still falling at the end.

    By over 2 % an epoch, which is a fifth in ten epochs; or by less, but in steady order.
    """
    loss = curves.train_loss
    pace = -slope(loss) / max(abs(level(loss)), 1e-12)
    return pace > 0.02 or (pace > 0.005 and trend(loss[-max(len(loss) // 2, FEWEST) :]) < 0.05)


def over_fitting(curves: Curves, facts: Facts) -> Finding | None:
    """Find validation that gets worse, by loss and by rank, while the training loss goes on falling."""
    turn = _parting(curves)
    if turn is None or _still_ranks(curves, facts):
        return None
    ranked = ""
    if len(curves.val_auroc):
        best, ends = float(np.nanmax(curves.val_auroc)), level(curves.val_auroc)
        ranked = f", the validation AUROC ends at {ends:.3f}, {best:.3f} at its best"
    return Finding(
        "over_fitting",
        "caution",
        Notice("doctor_over_fitting"),
        _parted(curves, turn) + ranked,
        less_variance(facts),
        turn,
    )


def over_confidence(curves: Curves, facts: Facts) -> Finding | None:
    """Find a validation loss that rises although validation is ranked no worse.

    The loss then pays for the few wrong answers given with more and more certainty (Guo et al. 2017,
    arXiv:1706.04599, section 3): the probabilities suffer, the decisions do not.
    """
    turn = _parting(curves)
    if turn is None or not _still_ranks(curves, facts):
        return None
    calibrated = facts.setting("calibration", "none") != "none"
    mended = "_mended" if calibrated else ""
    return Finding(
        "over_confidence",
        "note" if calibrated else "caution",
        Notice(f"doctor_over_confidence{mended}"),
        f"{_parted(curves, turn)}, the validation AUROC ends at {level(curves.val_auroc):.3f} "
        f"after {curves.val_auroc[turn]:.3f} then",
        _less_certain(facts, calibrated=calibrated),
        turn,
    )


def _less_certain(facts: Facts, *, calibrated: bool) -> tuple[str, ...]:
    found = [] if calibrated else ["calibration=temperature"]
    if not facts.setting("loss.label_smoothing", 0):
        found += facts.allowed("loss.label_smoothing=0.1")
    if not facts.mixes:
        found.append("+augment.operators.mixup.p=0.5")
    if facts.setting("callbacks.ema") is None:
        found.append("callbacks.ema=0.99")
    return (*found, "callbacks.monitor=val_loss")


def _parting(curves: Curves) -> int | None:
    """Return the epoch from which on validation loss rises and training loss falls, if there is one.

    Mixed images make the training loss higher than it deserves, but they do so in every epoch: only
    its fall counts, not its height.
    """
    train, val = curves.train_loss, curves.val_loss
    if len(val) < FEWEST or len(val) != len(train) or not np.isfinite([train, val]).all():
        return None
    turn = turning_point(val)
    return turn if turn is not None and level(train) < train[turn] else None


def _still_ranks(curves: Curves, facts: Facts) -> bool:
    """Return whether the validation AUROC is known, beats chance, and did not fall after its best.

    Two epochs rank the same images, mostly alike: with a correlation of 7/8 their difference has half
    the standard error of each (Hanley and McNeil 1983).
    """
    auroc = curves.val_auroc
    if len(auroc) != len(curves) or not np.isfinite(auroc).all():
        return False
    ends, turn = level(auroc), turning_point(1 - auroc)
    error = auroc_error(ends, facts.val.abnormal, facts.val.normal)
    falls = turn is not None and not auroc[turn] - ends <= error / 2
    return facts.val.beats_chance(ends) and not falls


def _parted(curves: Curves, turn: int) -> str:
    train, val = curves.train_loss, curves.val_loss
    return (
        f"the validation loss is lowest in epoch {turn + 1} ({val[turn]:.3g}) and ends at "
        f"{level(val):.3g}, the training loss fell from {train[turn]:.3g} to {level(train):.3g}"
    )


def less_variance(facts: Facts) -> tuple[str, ...]:
    """Return what holds a model back from learning by heart, the strongest first."""
    found = []
    if len(facts.operators) <= 10:
        found.append("augment=strong" if facts.operators else "augment=cxr")
    if facts.setting("model.dropout", 0) < 0.4:
        found += facts.allowed("model.dropout=0.5")
    decay = float(facts.setting("optimizer.weight_decay", 0) or 0)
    found += facts.allowed(f"optimizer.weight_decay={max(10 * decay, 0.05):g}")
    smaller = SMALLER.get(str(facts.setting("model.backbone")))
    if smaller:
        found.append(f"model={smaller}")
    return (*found, rate(facts.lr / 3))


def good_fit(curves: Curves) -> Finding:
    """Say that both curves fell, flattened out and stayed together."""
    return Finding(
        "good_fit",
        "good",
        Notice("doctor_good_fit"),
        f"training loss {level(curves.train_loss):.3g}, validation loss {level(curves.val_loss):.3g}"
        if len(curves.val_loss)
        else f"training loss {level(curves.train_loss):.3g}",
        epoch=int(np.argmin(curves.val_loss)) if len(curves.val_loss) else None,
    )
