"""Which calibrator a run needs: what its training did to the meaning of its probabilities."""

from __future__ import annotations

from dataclasses import dataclass

from medcnn.losses.names import read_terms
from medcnn.notices import Notice
from medcnn.training.settings import Settings

PROPER = ("bce", "cross_entropy", "kl_divergence", "mse")
"""Losses that are least where the probability is the frequency (Gneiting and Raftery 2007). A network
trained on any other ranks as well, and its outputs are probabilities of nothing."""

SHIFTS = ("platt", "beta", "isotonic", "histogram")
"""Calibrators that take off a shift of all logits; a temperature only stretches them."""


@dataclass(frozen=True)
class Calibrating:
    """The calibrator of a run, and what a reader has to know of the choice.

    Attributes:
        name: As ``calibration`` names it, never ``auto``.
        notices: None or one.
    """

    name: str
    notices: tuple[Notice, ...] = ()


def calibrator_for(settings: Settings) -> Calibrating:
    """Return the calibrator that was asked for, or with ``auto`` the one that the training needs.

    Platt's slope and intercept where the classes were weighed or drawn as often as one another, or
    where the loss is no proper score; a temperature otherwise. Weights w of the abnormal class move
    the best logit by log w (Elkan, IJCAI 2001), and more than one epoch moves it less than that: it is
    fitted on validation, which has the prevalence of the data, rather than computed.
    """
    why = _moved(settings)
    asked = settings.calibration
    if asked == "auto":
        if not why:
            return Calibrating("temperature")
        return Calibrating("platt", (Notice("calibrated_for", why=why, name="platt"),))
    if not why or asked in SHIFTS:
        return Calibrating(asked)
    return Calibrating(asked, (Notice("shift_left", why=why, name=asked),))


def _moved(settings: Settings) -> list[str]:
    """Return the settings that keep probabilities from being frequencies, as overrides."""
    loss = settings.loss.arguments
    found = []
    if settings.data.balance != "none":
        found.append(f"data.balance={settings.data.balance}")
    if loss.get("positive_weight") not in (None, 1, 1.0):
        found.append(f"loss.positive_weight={loss['positive_weight']:g}")
    if settings.robust.by:
        found.append(f"robust.by=[{','.join(settings.robust.by)}]")
    weights = loss.get("class_weights")
    if weights and len(set(weights)) > 1:
        found.append(f"loss.class_weights=[{','.join(f'{each:g}' for each in weights)}]")
    terms = read_terms(loss.get("name"), loss.get("terms"))
    return [*found, *(f"loss={name}" for name in terms if name not in PROPER)]
