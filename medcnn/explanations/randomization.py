"""The sanity check: an explanation that stays when the network forgets does not explain it.

Adebayo et al.: Sanity checks for saliency maps, NeurIPS 2018, section 3 (cascading randomisation).

Dimensions: N images, one channel, H×W pixels.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchmetrics.functional.image import structural_similarity_index_measure

from medcnn.models.classifier import Classifier
from medcnn.models.stages import stage_parameters

Floats = npt.NDArray[np.float64]
LEVELS = 6
"""At most so many networks of the cascade are looked at, the last one without anything learnt."""


def cascade(
    network: Classifier, seen_N1HW: Tensor, seed: int = 0
) -> Iterator[tuple[str, Classifier]]:
    """Yield copies of the network that forget more and more, from the head to the first layer.

    Forgetting shuffles the values within each tensor, so that their spread stays what training made
    it, and measures the statistics of BatchNorm anew, so that the signal neither dies nor bursts.

    Args:
        network: In evaluation mode; it is left as it is.
        seen_N1HW: Normalised images that BatchNorm is measured on.
        seed: Of the shuffling.

    Yields:
        The name of the lowest part that was shuffled, and the copy with it and all above shuffled.
    """
    forgetful = copy.deepcopy(network)
    parts = list(reversed(stage_parameters(forgetful.backbone).items()))
    named = [("head", list(forgetful.linear.parameters())), *parts]
    named = [(name, parameters) for name, parameters in named if parameters]
    looked_at = set(np.linspace(0, len(named) - 1, min(LEVELS, len(named))).round().astype(int))
    generator = torch.Generator().manual_seed(seed)
    for level, (name, parameters) in enumerate(named):
        shuffle(parameters, generator)
        if level in looked_at:
            _measure_batch_norm(forgetful, seen_N1HW)
            yield name, forgetful


@torch.no_grad()
def shuffle(parameters: Iterable[nn.Parameter], generator: torch.Generator) -> None:
    """Put the values within each tensor into random order."""
    for parameter in parameters:
        flat = parameter.detach().flatten()
        order = torch.randperm(len(flat), generator=generator).to(flat.device)
        parameter.copy_(flat[order].reshape(parameter.shape))


def similarity(first_NHW: Tensor, second_NHW: Tensor) -> tuple[Floats, Floats]:
    """Return Spearman's correlation and the SSIM of two heat maps of each image, N each.

    An explanation that became empty is unlike any other: both are 0. Where the first is empty there
    is nothing to compare with: both are NaN.
    """
    n = len(first_NHW)
    spearman, ssim = np.full(n, np.nan), np.full(n, np.nan)
    a_NP, b_NP = (heat.reshape(n, -1).cpu().double().numpy() for heat in (first_NHW, second_NHW))
    flat_a, flat_b = np.ptp(a_NP, axis=1) == 0, np.ptp(b_NP, axis=1) == 0
    alike = structural_similarity_index_measure(
        first_NHW.unsqueeze(1), second_NHW.unsqueeze(1), data_range=1.0, reduction="none"
    )
    ssims = np.atleast_1d(torch.as_tensor(alike).cpu().double().numpy())
    for row in range(n):
        if flat_a[row]:
            continue
        spearman[row] = 0.0 if flat_b[row] else stats.spearmanr(a_NP[row], b_NP[row]).statistic
        ssim[row] = 0.0 if flat_b[row] else ssims[row]
    return spearman, ssim


@torch.no_grad()
def _measure_batch_norm(network: Classifier, seen_N1HW: Tensor) -> None:
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    if not layers or len(seen_N1HW) < 2:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over the batches that follow
        layer.train()
    network(seen_N1HW)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()
