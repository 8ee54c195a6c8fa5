"""The options of what protects a decision, checked before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from medcnn.calibration.conformal import METHODS
from medcnn.calibration.referral import MEASURES, parse_refer
from medcnn.errors import ConfigError, unknown_name

PriorShift = Literal["em", "em_if_trusted"] | float


@dataclass(frozen=True)
class Safeguards:
    """What is asked for beside the plain prediction.

    Attributes:
        alpha: Error rate of the conformal sets; None: no sets.
        conformal: ``split``, ``class_conditional`` or ``cross``.
        refer: The referral rule; None: nothing is referred.
        refer_by: The measure of doubt.
        prior_shift: ``em``, ``em_if_trusted``, a prevalence, or None.
    """

    alpha: float | None = None
    conformal: str = "class_conditional"
    refer: str | None = None
    refer_by: str = "margin"
    prior_shift: PriorShift | None = None

    @property
    def any(self) -> bool:
        """Whether anything is asked for."""
        return not (self.alpha is None and self.refer is None and self.prior_shift is None)


def read_safeguards(options: Mapping[str, Any]) -> Safeguards:
    """Return the checked safeguards of a command's configuration; absent keys are off.

    Raises:
        ConfigError: If a value cannot be.
    """
    alpha, refer = options.get("alpha"), options.get("refer")
    if alpha is not None and not _is_share(alpha):
        raise ConfigError(
            f"alpha cannot be {alpha!r}.",
            expected="null or a number between 0 and 1: 0.1 for sets that err in one case of ten",
            found=repr(alpha),
        )
    conformal = str(options.get("conformal", "class_conditional"))
    if conformal not in METHODS:
        raise unknown_name("conformal method", conformal, METHODS)
    by = str(options.get("refer_by", "margin"))
    if by not in MEASURES:
        raise unknown_name("measure of doubt", by, MEASURES)
    return Safeguards(
        alpha=None if alpha is None else float(alpha),
        conformal=conformal,
        refer=None if refer is None else parse_refer(refer).text,
        refer_by=by,
        prior_shift=_prior_shift(options.get("prior_shift")),
    )


def _prior_shift(wanted: Any) -> PriorShift | None:
    if wanted is None:
        return None
    if wanted == "em":
        return "em"
    if wanted == "em_if_trusted":
        return "em_if_trusted"
    if _is_share(wanted):
        return float(wanted)
    raise ConfigError(
        f"prior_shift cannot be {wanted!r}.",
        expected="null, em, em_if_trusted, or the prevalence where the model is used, such as 0.1",
        found=repr(wanted),
    )


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1
