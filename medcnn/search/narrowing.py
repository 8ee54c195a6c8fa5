"""From coarse to fine: a grid around the best of what was tried at random."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

from medcnn.search.importance import importances
from medcnn.search.settings import Search
from medcnn.search.space import Parameter, written


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
