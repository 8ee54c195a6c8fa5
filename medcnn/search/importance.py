"""How much of the spread of scores each value accounts for, and a grid around the best by it."""

from __future__ import annotations

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from medcnn.search.settings import Search
from medcnn.search.space import Parameter, written

FEWEST = 6
"""Finished trials below which shares of variance are noise."""


def importances(study: optuna.Study) -> dict[str, float]:
    """Return each value's share of the variance of scores (functional ANOVA), the largest first.

    Empty where fewer than six trials finished or all scored the same.

    References:
        Hutter, Hoos, Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance,
        ICML 2014.
    """
    trials = finished(study)
    scores = [trial.value for trial in trials if trial.value is not None]
    varied = {name for trial in trials for name in trial.params}
    varied = {name for name in varied if len({trial.params.get(name) for trial in trials}) > 1}
    if len(scores) < FEWEST or np.ptp(scores) == 0 or not varied:
        return {}
    found = get_param_importances(
        study, evaluator=FanovaImportanceEvaluator(seed=0), params=sorted(varied)
    )
    return {name: float(share) for name, share in found.items()}


def narrow(space: list[Parameter], study: optuna.Study, options: Search) -> list[Parameter]:
    """Return a grid around the best trial, over as many of the most important values as allowed.

    A value is tried within the typical distance of neighbouring draws either way: n draws in d
    dimensions leave gaps of n^(-1/d) of each range.
    """
    best, ranked = study.best_params, importances(study)
    order = sorted(space, key=lambda each: -ranked.get(each.name, 0.0))
    share = 0.5 * max(len(finished(study)), 1) ** (-1 / len(space))
    found, size = [], 1
    for each in order:
        values = each.around(best[each.name], options.points, share)
        if size * len(values) > options.fine_trials:
            values = [best[each.name]]
        size *= len(values)
        found.append(Parameter(each.name, choices=tuple(written(value) for value in values)))
    return found


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that came to a score."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
