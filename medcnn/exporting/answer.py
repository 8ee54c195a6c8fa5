"""Calibrators and combinations of members as operations of a graph, in 64 bit.

``medcnn.calibration`` does the same with numpy, and is what the tests hold this to. Sums of comparisons
stand for searches, which a graph has none of.

Legend: N images, M members, K knots.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from medcnn.calibration.calibrator import LARGEST, Calibrator
from medcnn.calibration.combination import CLIP
from medcnn.calibration.judgement import Judgement


class Calibrated(nn.Module):
    """A calibrator: logit N to probability N."""

    parameters_: Tensor

    def __init__(self, calibrator: Calibrator) -> None:
        super().__init__()
        self.form = _FORMS[calibrator.name]
        self.register_buffer(
            "parameters_", torch.tensor(calibrator.parameters, dtype=torch.float64)
        )

    def forward(self, logit_N: Tensor) -> Tensor:
        """Return the calibrated probability of abnormal, float64."""
        return self.form(self.parameters_, logit_N.double().clamp(-LARGEST, LARGEST))


class Combined(nn.Module):
    """Members seen once as one answer: logits N×M to combined logit and probability N."""

    weights: Tensor
    thresholds: Tensor

    def __init__(self, own: list[Calibrator], judgement: Judgement) -> None:
        super().__init__()
        self.own = nn.ModuleList(Calibrated(each) for each in own)
        self.whole = Calibrated(judgement.calibrator)
        how = judgement.combination
        self.vote, self.intercept, self.ranked = _VOTES[how.vote], how.intercept, len(how.ranks)
        tables = {
            "weights": how.weights or (1 / len(own),) * len(own),
            "thresholds": how.thresholds,
            **{f"known_{member}": ranks for member, ranks in enumerate(how.ranks)},
        }
        for name, values in tables.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64))

    def forward(self, logit_NM: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the combined logit N, its probability N, and each member's own N×M."""
        p_NM = torch.stack([each(logit_NM[:, m]) for m, each in enumerate(self.own)], 1)
        logit_N = _log_odds(self.vote(self, p_NM))
        return logit_N, self.whole(logit_N), p_NM


def interpolated(x: Tensor, knots_K: Tensor, values_K: Tensor) -> Tensor:
    """Return ``numpy.interp`` of x, of any shape: straight between the knots, level beyond them."""
    last = knots_K.shape[0] - 2
    at = ((x.unsqueeze(-1) >= knots_K).sum(-1) - 1).clamp(0, last)
    left, right = knots_K[at], knots_K[at + 1]
    share = ((x - left) / (right - left)).clamp(0, 1)
    return values_K[at] + share * (values_K[at + 1] - values_K[at])


def _softplus(x: Tensor) -> Tensor:
    return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))


def _log_odds(p: Tensor) -> Tensor:
    held = p.clamp(CLIP, 1 - CLIP)
    return torch.log(held) - torch.log1p(-held)


def _beta(parameters: Tensor, x: Tensor) -> Tensor:
    a, b, c = parameters.unbind()
    return torch.sigmoid(-a * _softplus(-x) + b * _softplus(x) + c)


def _isotonic(parameters: Tensor, x: Tensor) -> Tensor:
    half = parameters.shape[0] // 2
    knots, values = parameters[:half], parameters[half:]
    if half == 1:
        return values.expand(x.shape)
    return interpolated(x, knots, values)


def _histogram(parameters: Tensor, x: Tensor) -> Tensor:
    inner = parameters.shape[0] // 2
    return parameters[inner:][(x.unsqueeze(-1) > parameters[:inner]).sum(-1)]


_FORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "none": lambda _, x: torch.sigmoid(x),
    "temperature": lambda parameters, x: torch.sigmoid(x / parameters[0]),
    "platt": lambda parameters, x: torch.sigmoid(parameters[0] * x + parameters[1]),
    "isotonic": _isotonic,
    "beta": _beta,
    "histogram": _histogram,
}


def _weighted(how: Combined, p_NM: Tensor) -> Tensor:
    return (p_NM * how.weights).sum(1)


def _stacked(how: Combined, p_NM: Tensor) -> Tensor:
    return torch.sigmoid((_log_odds(p_NM) * how.weights).sum(1) + how.intercept)


def _logit(_how: Combined, p_NM: Tensor) -> Tensor:
    return torch.sigmoid(_log_odds(p_NM).mean(1))


def _hard(how: Combined, p_NM: Tensor) -> Tensor:
    return (p_NM >= how.thresholds).double().mean(1)


def _rank(how: Combined, p_NM: Tensor) -> Tensor:
    ranks = []
    for member in range(how.ranked):
        p, known = p_NM[:, member, None], how.get_buffer(f"known_{member}")
        below = (p > known).double().sum(1) + (p >= known).double().sum(1)
        ranks.append(below / (2 * known.shape[0]))
    return torch.stack(ranks).mean(0)


_VOTES: dict[str, Callable[[Combined, Tensor], Tensor]] = {
    "soft": _weighted,
    "weighted": _weighted,
    "greedy": _weighted,
    "logit": _logit,
    "hard": _hard,
    "rank": _rank,
    "stacked": _stacked,
}


def histogram_table(shares_K: Tensor) -> tuple[Tensor, Tensor]:
    """Return share and level, in [0, 1], of each level that the training images reach.

    ``medcnn.augment.normalize.match_histograms`` interpolates between them.
    """
    cumulative = shares_K.double().numpy()
    steps = np.diff(cumulative, prepend=0.0) > 0
    levels = np.linspace(0, 1, len(cumulative))[steps]
    if not math.isclose(float(cumulative[-1]), 1.0, abs_tol=1e-6):
        raise ValueError(f"shares that end at {cumulative[-1]}")
    return torch.from_numpy(cumulative[steps]), torch.from_numpy(levels)
