"""Rules about the learning rate, the start of a training and its gradients."""

from __future__ import annotations

import numpy as np

from medcnn.diagnosis.curves import FEWEST, Curves, level, noise, trend
from medcnn.diagnosis.facts import Facts, Finding, rate
from medcnn.notices import Notice

EXPLOSION = 2.0
"""A training loss of twice that of the first epoch, which began untrained, is no fluctuation."""
BAD_START = 2.0
"""A fresh network should start near the loss of chance (Karpathy, A Recipe for Training Neural
Networks, 2019); twice that loss means confident wrong answers before anything was learnt."""
STEADY = 0.05
"""One-sided p-value below which a falling order of epochs is not taken for chance."""
SLOW = 0.2
"""A rate that fits takes at least this part off the loss of the first epoch within a few epochs."""
SAW = 3.0
"""Standard errors that the training loss may jump from epoch to epoch by sampling alone."""
USUAL = {
    **dict.fromkeys(("adam", "adamw", "nadam", "radam", "adamax", "muon", "rmsprop"), 1e-3),
    "sgd": 1e-2,
    "sam": 1e-2,
}
"""Rates from which most trainings with these optimisers start: torch's defaults, and for SGD with
momentum the usual one; a training at a thirtieth of it, or at thirty times, needs a reason."""
HIGH_BIAS = 0.6
"""A model that keeps this part of chance's loss on its own training images has hardly learnt them."""
LOW_AUROC = 0.9
"""The same by rank, for losses of which chance is not known."""
SPIKE = 20.0
"""A gradient this many times the median of the epochs' largest is no fluctuation of batches."""


def diverged(curves: Curves, facts: Facts) -> Finding | None:
    """Find a loss that is not a number, or that rose far above where it started."""
    loss = curves.train_loss
    broken = np.flatnonzero(~np.isfinite(loss))
    if len(broken):
        epoch, shown = int(broken[0]), f"the training loss is {loss[broken[0]]}"
    elif loss.max() > EXPLOSION * loss[0] and level(loss) > loss[0]:
        epoch = int(np.argmax(loss > EXPLOSION * loss[0]))
        shown = f"the training loss rose from {loss[0]:.3g} to {loss[epoch]:.3g}"
    else:
        return None
    return Finding(
        "diverged",
        "problem",
        Notice("doctor_diverged"),
        f"{shown} in epoch {epoch + 1}",
        (rate(facts.lr / 10), "trainer.gradient_clip_val=1.0", "trainer.precision=32-true"),
        epoch,
    )


def exploding_gradients(curves: Curves, facts: Facts) -> Finding | None:
    """Find an epoch with a gradient far above the usual, after which the training loss was higher.

    A large gradient alone may be a hard batch late in a training that has little left to learn.
    """
    norms, loss = curves.gradient, curves.train_loss
    if len(norms) < FEWEST or not np.isfinite([norms, loss]).all():
        return None
    epoch, usual = int(norms.argmax()), float(np.median(norms))
    before, after = loss[max(epoch - 1, 0)], loss[epoch : epoch + 2].max()
    if norms[epoch] <= SPIKE * usual or after <= before:
        return None
    return Finding(
        "exploding_gradients",
        "problem",
        Notice("doctor_exploding_gradients"),
        f"a norm of {norms[epoch]:.3g} in epoch {epoch + 1}, {norms[epoch] / usual:.0f} times the "
        f"median, where the training loss rose from {before:.3g} to {after:.3g}",
        ("trainer.gradient_clip_val=1.0", rate(facts.lr / 3), warm_up(facts)),
        epoch,
    )


def bad_initialisation(curves: Curves, facts: Facts) -> Finding | None:
    """Find a first epoch far worse than chance that later epochs recover from."""
    chance, loss = facts.chance, curves.train_loss
    if chance is None or not np.isfinite(loss).all() or len(loss) < 2:
        return None
    if loss[0] <= BAD_START * chance or loss[-1] > loss[0] / 2:
        return None
    return Finding(
        "bad_initialisation",
        "caution",
        Notice("doctor_bad_initialisation"),
        f"a training loss of {loss[0]:.3g} in the first epoch; "
        f"always answering the prevalence gives {chance:.3g}",
        (*facts.allowed("model.init=lsuv"), warm_up(facts), rate(facts.lr / 3)),
        0,
    )


def rate_too_high(curves: Curves, facts: Facts) -> Finding | None:
    """Find a training loss that jumps, or that stays above what chance would give."""
    loss = curves.train_loss
    if len(loss) < FEWEST or not np.isfinite(loss).all():
        return None
    evidence = (
        _above_chance(curves, facts)
        or _sawing(loss, facts)
        or _unusual(curves, facts, 30)
        or _outrun(curves, facts)
    )
    if not evidence:
        return None
    return Finding(
        "rate_too_high",
        "problem",
        Notice("doctor_rate_too_high"),
        evidence,
        (rate(facts.lr / 10), rate(facts.lr / 3), "scheduler=plateau"),
    )


def _above_chance(curves: Curves, facts: Facts) -> str:
    chance, loss = facts.chance, curves.train_loss
    # The last half: the first may be a bad start. 1.05: dropout and augmentation cost a little.
    ends = float(np.median(loss[len(loss) // 2 :]))
    if chance is None or ends <= 1.05 * chance or learns(curves, facts):
        return ""
    return (
        f"the training loss stays at {ends:.3g}; always answering the prevalence gives {chance:.3g}"
    )


def _sawing(loss: np.ndarray, facts: Facts) -> str:
    # The mean loss of n images, each spread about as widely as its mean, has this standard error.
    # Whole batches are mixed or not: there, they are what is drawn.
    drawn = facts.train.n / (int(facts.setting("data.batch_size", 32)) if facts.mixes else 1)
    expected = float(np.median(loss) / np.sqrt(drawn)) if drawn else 0.0
    found = noise(loss)
    rises = int((np.diff(loss) > expected).sum())
    if found <= SAW * expected or found <= 0.1 * np.ptp(loss) or rises < len(loss) / 4:
        return ""
    return (
        f"the training loss jumps by {found:.2g} from epoch to epoch "
        f"({expected:.2g} would be sampling) and rose in {rises} of {len(loss) - 1} epochs"
    )


def _outrun(curves: Curves, facts: Facts) -> str:
    """Say that the weights move faster than BatchNorm's running statistics follow them."""
    jumps = noise(curves.val_loss)
    if facts.chance is None or jumps <= facts.chance:
        return ""
    return (
        f"the validation loss jumps by {jumps:.2g} from epoch to epoch, beyond what chance costs "
        f"({facts.chance:.2g}): BatchNorm's running statistics cannot follow the weights"
    )


def rate_too_low(curves: Curves, facts: Facts) -> Finding | None:
    """Find a training loss that falls steadily, but hardly."""
    loss = curves.train_loss
    if len(loss) < FEWEST or not np.isfinite(loss).all():
        return None
    advice = (rate(facts.lr * 10), rate(facts.lr * 3), f"trainer.max_epochs={4 * len(loss)}")
    unusual = _unusual(curves, facts, 1 / 30)
    if unusual:
        return Finding("rate_too_low", "problem", _TOO_LOW, unusual, advice)
    p_value, fallen = trend(loss), float(1 - loss[-1] / loss[0]) if loss[0] > 0 else 0.0
    saturated = (curves.best_rank or 0.0) > 0.95
    still = loss[-1] <= loss.min() + noise(loss)
    high = facts.lr > 3 * USUAL.get(str(facts.setting("optimizer.name")), np.inf)
    if p_value > STEADY or not 0 < fallen < SLOW or saturated or high or not still:
        return None
    return Finding(
        "rate_too_low",
        "problem",
        _TOO_LOW,
        f"the training loss lost {100 * fallen:.1f}% in {len(loss)} epochs, "
        f"in steady order (p = {p_value:.2g})",
        advice,
    )


_TOO_LOW = Notice("doctor_rate_too_low")


def _unusual(curves: Curves, facts: Facts, factor: float) -> str:
    """Say that hardly anything was learnt at a rate beyond ``factor`` times the usual one."""
    name = str(facts.setting("optimizer.name"))
    usual = USUAL.get(name)
    if usual is None or (learns(curves, facts) and not is_poor(curves, facts)):
        return ""
    beyond = facts.lr > factor * usual if factor > 1 else facts.lr < factor * usual
    if not beyond:
        return ""
    return f"hardly anything was learnt at {facts.lr:g}; {name} is usually run near {usual:g}"


def dead_units(curves: Curves, facts: Facts) -> Finding | None:
    """Find a network of which a large part is zero whatever the image.

    It is an illness where little was learnt; a network that learnt its images had units to spare.
    """
    # A few dead channels are usual in pruned or wide networks; a fifth of them is lost capacity.
    if facts.dead is None or facts.dead < 0.2:
        return None
    harmed = is_poor(curves, facts) or not learns(curves, facts)
    return Finding(
        "dead_units",
        "problem" if harmed else "note",
        Notice("doctor_dead_units"),
        f"{100 * facts.dead:.0f}% of the channels after activations are 0 on every image looked at",
        (rate(facts.lr / 10), *facts.allowed("model.init=he"), warm_up(facts)),
    )


def warm_up(facts: Facts) -> str:
    """Return the override of a gentler start under the schedule of the run."""
    longer = facts.allowed("scheduler.warmup_fraction=0.2")
    return longer[0] if longer else "scheduler=cosine"


def learns(curves: Curves, facts: Facts) -> bool:
    """Return whether the training AUROC ever rose three standard errors above one half."""
    return not len(curves.train_auroc) or facts.train.beats_chance(
        float(np.nanmax(curves.train_auroc))
    )


def is_poor(curves: Curves, facts: Facts) -> bool:
    """Return whether the model has hardly learnt its own training images (high bias)."""
    rank = curves.best_rank
    if facts.chance is None:
        return rank is not None and rank < LOW_AUROC
    high = level(curves.train_loss) > HIGH_BIAS * facts.chance
    return high and (rank is None or rank < LOW_AUROC)
