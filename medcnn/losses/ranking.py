"""Losses of a whole batch: how well its abnormal images rank above its normal ones."""

from __future__ import annotations

import torch
from torch import Tensor


def auc_margin(logit_N: Tensor, target_N: Tensor, margin: float = 1.0) -> Tensor:
    r"""AUC-margin loss on the probabilities of one batch (Yuan et al. 2021, arXiv:2012.03173).

    .. math:: \min_{a, b} \max_{\alpha \ge 0} \; E[(p - a)^2 | 1] + E[(p - b)^2 | 0]
        + 2 \alpha (m + E[p | 0] - E[p | 1]) - \alpha^2 .

    The inner problem has a solution in closed form on a batch: a and b are the class means
    :math:`\mu_1, \mu_0` and :math:`\alpha = \max(0, m - \mu_1 + \mu_0)`, which leaves

    .. math:: \sigma_1^2 + \sigma_0^2 + \max(0, m - (\mu_1 - \mu_0))^2 .

    Both classes weigh the same whatever the prevalence. A fractional target y belongs to the
    abnormal class with weight y and to the normal one with weight 1 - y. A batch with one class only
    has no margin, and contributes the variance of that class.

    Args:
        logit_N: Logits.
        target_N: Targets in [0, 1].
        margin: m, the wanted distance of the class means, in (0, 1] to be reachable.

    Returns:
        The loss, a scalar.
    """
    p = torch.sigmoid(logit_N)
    mean_1, variance_1 = _moments(p, target_N)
    mean_0, variance_0 = _moments(p, 1 - target_N)
    both = (target_N.sum() > 0) & ((1 - target_N).sum() > 0)
    gap = (margin - (mean_1 - mean_0)).clamp(min=0) ** 2
    return variance_1 + variance_0 + torch.where(both, gap, torch.zeros_like(gap))


def _moments(p_N: Tensor, weight_N: Tensor) -> tuple[Tensor, Tensor]:
    """Return weighted mean and variance, both 0 where all weights are."""
    total = weight_N.sum()
    share = weight_N / torch.where(total > 0, total, torch.ones_like(total))
    mean = (share * p_N).sum()
    return mean, (share * (p_N - mean) ** 2).sum()
