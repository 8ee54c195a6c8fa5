"""How much of the spread of scores each value accounts for."""

from __future__ import annotations

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

FEWEST = 6
"""Finished trials below which shares of variance are noise."""


def importances(study: optuna.Study) -> dict[str, float]:
    """Return each value's share of the variance of scores (functional ANOVA), the largest first.

    Empty where fewer than six trials finished or all scored the same.

    References:
        Hutter, Hoos, Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance,
        ICML 2014.
    """
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    scores = [trial.value for trial in trials if trial.value is not None]
    varied = {name for trial in trials for name in trial.params}
    varied = {name for name in varied if len({trial.params.get(name) for trial in trials}) > 1}
    if len(scores) < FEWEST or np.ptp(scores) == 0 or not varied:
        return {}
    found = get_param_importances(
        study, evaluator=FanovaImportanceEvaluator(seed=0), params=sorted(varied)
    )
    return {name: float(share) for name, share in found.items()}
