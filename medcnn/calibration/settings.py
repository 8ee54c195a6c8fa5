"""What protects a decision: conformal sets, referral, correction of the prevalence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medcnn.calibration.conformal import METHODS
from medcnn.calibration.referral import MEASURES, parse_refer
from medcnn.settings.fields import setting

PriorShift = Literal["em", "em_if_trusted"] | float


def _refer(rule: str) -> str:
    return parse_refer(rule).text


@dataclass(frozen=True)
class Safeguards:
    """What is asked for beside the plain prediction."""

    prior_shift: PriorShift | None = setting(
        None,
        "em | em_if_trusted | a prevalence: probabilities where that is the prevalence",
        above=0,
        below=1,
        expected="null, em, em_if_trusted, or the prevalence where the model is used, such as 0.1",
    )
    alpha: float | None = setting(
        None,
        "error rate of conformal sets: 0.1 errs in one case of ten; null: none",
        above=0,
        below=1,
        expected="null or a number between 0 and 1: 0.1 for sets that err in one case of ten",
    )
    conformal: str = setting(
        "class_conditional", "what the rate of errors holds within", choices=METHODS
    )
    refer: str | None = setting(
        None,
        "to a radiologist: 10% | npv>=0.99 | sensitivity>=0.98 | …; fitted on val; null: nobody",
        parse=_refer,
    )
    refer_by: str = setting(
        "margin", "by which doubt; margin: nearness to the threshold", choices=MEASURES
    )

    @property
    def any(self) -> bool:
        """Whether anything is asked for."""
        return not (self.alpha is None and self.refer is None and self.prior_shift is None)
