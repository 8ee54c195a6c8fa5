"""Losses of single images: pure functions of a logit and a target, one value an image.

Targets may be fractional, after mixup or label smoothing: every loss is then the expectation over a
label that is 1 with that probability. Dimensions: N images. z is the logit of abnormal,
p = 1 / (1 + exp(-z)) its probability, y the target.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def bce(logit_N: Tensor, target_N: Tensor) -> Tensor:
    r"""Sigmoid (binary) cross-entropy, :math:`-y \log p - (1 - y) \log(1 - p)`."""
    return F.binary_cross_entropy_with_logits(logit_N, target_N, reduction="none")


def cross_entropy(logit_N: Tensor, target_N: Tensor) -> Tensor:
    r"""Softmax cross-entropy over the two classes, whose logits are 0 (normal) and z (abnormal).

    .. math:: -(1 - y) \log \frac{1}{1 + e^z} - y \log \frac{e^z}{1 + e^z}
    """
    log_p_N2 = F.log_softmax(torch.stack([torch.zeros_like(logit_N), logit_N], 1), dim=1)
    return -(torch.stack([1 - target_N, target_N], 1) * log_p_N2).sum(1)


def focal(
    logit_N: Tensor, target_N: Tensor, gamma: float = 2.0, alpha: float | None = None
) -> Tensor:
    r"""Focal loss, which counts easy images less (Lin et al. 2017, arXiv:1708.02002).

    .. math:: -\alpha_t (1 - p_t)^\gamma \log p_t, \qquad p_t = p \text{ or } 1 - p

    Args:
        logit_N: Logits.
        target_N: Targets in [0, 1].
        gamma: Focusing parameter; 0 gives cross-entropy.
        alpha: Weight of the abnormal class, 1 - alpha being that of the normal one; None: both 1.
    """
    positive = torch.sigmoid(-logit_N) ** gamma * F.softplus(-logit_N)
    negative = torch.sigmoid(logit_N) ** gamma * F.softplus(logit_N)
    if alpha is not None:
        positive, negative = alpha * positive, (1 - alpha) * negative
    return target_N * positive + (1 - target_N) * negative


def asymmetric(
    logit_N: Tensor,
    target_N: Tensor,
    gamma_positive: float = 0.0,
    gamma_negative: float = 4.0,
    margin: float = 0.05,
) -> Tensor:
    r"""Asymmetric loss (Ridnik et al. 2021, arXiv:2009.14119).

    .. math:: -y (1 - p)^{\gamma_+} \log p - (1 - y) p_m^{\gamma_-} \log(1 - p_m), \qquad
        p_m = \max(p - m, 0)

    Args:
        logit_N: Logits.
        target_N: Targets in [0, 1].
        gamma_positive: Focusing of abnormal images.
        gamma_negative: Focusing of normal images.
        margin: m; normal images below this probability count nothing.
    """
    p = torch.sigmoid(logit_N)
    shifted = (p - margin).clamp(min=0)
    positive = (1 - p) ** gamma_positive * F.softplus(-logit_N)
    # Without a shift the logit gives log(1 - p) exactly, where 1 - p would round to 0.
    log_rest = torch.log1p(-shifted) if margin > 0 else -F.softplus(logit_N)
    negative = -(shifted**gamma_negative) * log_rest
    return target_N * positive + (1 - target_N) * negative


def kl_divergence(logit_N: Tensor, target_N: Tensor) -> Tensor:
    r"""Kullback-Leibler divergence of the prediction from the target distribution.

    .. math:: y \log \frac{y}{p} + (1 - y) \log \frac{1 - y}{1 - p}

    It is the cross-entropy less the entropy of the target, so it is 0 where p = y.
    """
    entropy: Tensor = torch.special.entr(target_N) + torch.special.entr(1 - target_N)
    return bce(logit_N, target_N) - entropy


def pseudo_huber(logit_N: Tensor, target_N: Tensor, delta: float = 0.5) -> Tensor:
    r"""Pseudo-Huber loss of the probability: quadratic near 0, straight far off.

    .. math:: \delta^2 \Bigl( \sqrt{1 + ((p - y) / \delta)^2} - 1 \Bigr)
    """
    return _expect(
        lambda error: delta**2 * (torch.sqrt(1 + (error / delta) ** 2) - 1), logit_N, target_N
    )


def l1(logit_N: Tensor, target_N: Tensor) -> Tensor:
    """Absolute error of the probability, E|p - label|."""
    return _expect(torch.abs, logit_N, target_N)


def mse(logit_N: Tensor, target_N: Tensor) -> Tensor:
    """Squared (Euclidean, L2) error of the probability, E(p - label)²: the Brier score."""
    return _expect(torch.square, logit_N, target_N)


def hinge(logit_N: Tensor, target_N: Tensor, margin: float = 1.0, squared: bool = False) -> Tensor:
    r"""Hinge loss, :math:`\max(0, m - s z)` with s = 1 for abnormal and -1 for normal images."""
    positive = (margin - logit_N).clamp(min=0)
    negative = (margin + logit_N).clamp(min=0)
    if squared:
        positive, negative = positive**2, negative**2
    return target_N * positive + (1 - target_N) * negative


def _expect(loss_of_error: Callable[[Tensor], Tensor], logit_N: Tensor, target_N: Tensor) -> Tensor:
    """Return E over the label of a loss of ``p - label``."""
    p = torch.sigmoid(logit_N)
    return target_N * loss_of_error(p - 1) + (1 - target_N) * loss_of_error(p)
