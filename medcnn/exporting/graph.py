"""A panel of members as one module: stored grey levels to logit, probability and features.

Everything between ``read_image_resized`` and the answer of ``predict`` is inside: scaling, resizing for
members of another size, normalisation, the networks, their calibrators and their combination.

Legend: N images, one channel, S×S pixels, M members, D features, K = 256 levels.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from medcnn.augment.equalization import LEVELS
from medcnn.augment.local_contrast import against_surroundings
from medcnn.augment.normalize import SMALLEST_SD
from medcnn.exporting.answer import Calibrated, Combined, histogram_table, interpolated
from medcnn.inference.loading import TrainedModel
from medcnn.inference.runs import Panel

SINGLE = ("logit", "p_abnormal", "features")
SEVERAL = (*SINGLE, "member_logit", "member_p")
"""The names of the outputs, in their order; ``features`` are those of the first member."""


class Member(nn.Module):
    """One network behind its normalisation: images in [0, 1] to features and logit.

    Args:
        member: The trained model, which stays as it is.
        side: S of the images that come.
    """

    def __init__(self, member: TrainedModel, side: int) -> None:
        super().__init__()
        network = copy.deepcopy(member.network).cpu().eval()
        self.network = network.to(memory_format=torch.contiguous_format)
        self.resize = nn.Identity() if side == member.image_size else Resize(side, member)
        self.normalize = normalization(member)

    def forward(self, image_N1SS: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features, N×D, and the uncalibrated logit, N."""
        features = self.network.features(self.normalize(self.resize(image_N1SS)))
        return features, self.network.head(features)


class Resize(nn.Module):
    """The bilinear reduction of ``Predictor``, which is linear in rows and in columns: two products."""

    weights: Tensor

    def __init__(self, side: int, member: TrainedModel) -> None:
        super().__init__()
        rows = nn.functional.interpolate(
            torch.eye(side)[None, None],
            (member.image_size, side),
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
        self.register_buffer("weights", rows[0, 0])

    def forward(self, image_N1SS: Tensor) -> Tensor:
        """Return the images at the size of the member."""
        return self.weights @ image_N1SS @ self.weights.T


def standardised(image_N1SS: Tensor, mean: float, std: float) -> Tensor:
    """Return the images by the training images' mean and standard deviation."""
    return (image_N1SS - mean) / std


def by_themselves(image_N1SS: Tensor) -> Tensor:
    """Return the images by their own mean and standard deviation."""
    centred = image_N1SS - image_N1SS.mean((1, 2, 3), keepdim=True)
    deviation = centred.square().mean((1, 2, 3), keepdim=True).sqrt()
    return centred / deviation.clip(min=SMALLEST_SD)


class Matched(nn.Module):
    """``data.normalize=histogram``."""

    share: Tensor
    level: Tensor

    def __init__(self, member: TrainedModel, shares_K: Tensor) -> None:
        super().__init__()
        share, level = histogram_table(shares_K)
        self.register_buffer("share", share)
        self.register_buffer("level", level)
        self.mean, self.std = member.pixel_mean, member.pixel_std

    def forward(self, image_N1SS: Tensor) -> Tensor:
        """Return the images with the training images' histogram, standardised."""
        flat = (image_N1SS * (LEVELS - 1)).round().long().flatten(1)
        ones = torch.ones_like(flat, dtype=torch.float64)
        counts = torch.zeros_like(flat[:, :1]).double().expand(-1, LEVELS)
        share = counts.scatter_add(1, flat, ones).cumsum(1) / flat.shape[1]
        table = interpolated(share, self.share, self.level).float()
        return standardised(table.gather(1, flat).reshape(image_N1SS.shape), self.mean, self.std)


def normalization(member: TrainedModel) -> Callable[[Tensor], Tensor]:
    """Return what the network's images go through first."""
    if member.normalization == "image":
        return by_themselves
    if member.normalization == "local":
        return against_surroundings
    if member.normalization == "histogram" and member.pixel_shares is not None:
        return Matched(member, member.pixel_shares.cpu())
    return partial(standardised, mean=member.pixel_mean, std=member.pixel_std)


class Graph(nn.Module):
    """The whole panel, each member seen once.

    Args:
        panel: Members and judgement.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        members, side = panel.predictor.members, panel.predictor.image_size
        self.members = nn.ModuleList(Member(member, side) for member in members)
        own = [member.calibrator for member in members] if len(members) > 1 else []
        self.combined = Combined(own, panel.judgement) if own else None
        self.calibrated = Calibrated(panel.judgement.calibrator)
        self.outputs = SEVERAL if own else SINGLE

    def forward(self, image_N1SS: Tensor) -> tuple[Tensor, ...]:
        """Return what ``outputs`` names, for uint8 images of air 0 and bone 255."""
        image = image_N1SS.float() * (1.0 / 255)
        found = [member(image) for member in self.members]
        features_ND, logit_N = found[0]
        if self.combined is None:
            return logit_N, self.calibrated(logit_N), features_ND
        logit_NM = torch.stack([logit for _, logit in found], 1)
        combined_N, p_N, p_NM = self.combined(logit_NM)
        return combined_N, p_N, features_ND, logit_NM, p_NM
