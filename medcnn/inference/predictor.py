"""One predictor for one model or many, one view or many, one pass or many, on one device.

An image is decoded and scaled once, whatever the number of members, views and passes; members and
views run one after the other on a batch, which on a CPU is faster than stacking them.

Legend: M members, V views, S stochastic passes, N images, one channel, H×W pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from medcnn.augment.views import views
from medcnn.calibration.passes import Passes
from medcnn.data.batch import Batch
from medcnn.inference.device import full_precision
from medcnn.inference.loading import TrainedModel
from medcnn.inference.mc_dropout import McDropout

Array = npt.NDArray[np.float64]
CPU = torch.device("cpu")


class Predictor:
    """Members, and the passes through them.

    Args:
        members: At least one; they may differ in backbone, image size and normalisation. They are
            moved to the device.
        passes: Views and passes.
        device: Where everything is computed.

    Attributes:
        notes: What was put into networks for their stochastic passes, in words.
        features_ND: Of the last batch through the first member, where its passes share them.
    """

    def __init__(
        self, members: Sequence[TrainedModel], passes: Passes, device: torch.device = CPU
    ) -> None:
        self.members = [member.to(device) for member in members]
        self.passes, self.device = passes, device
        self.views = views(passes.tta)
        self.notes: list[str] = []
        self.features_ND: Tensor | None = None
        self._mc: list[McDropout] = []
        for number, member in enumerate(self.members if passes.mc_samples else ()):
            sampler = McDropout(
                member.network,
                passes.mc_samples,
                inject=passes.inject,
                p=passes.p,
                seed=(passes.seed, number),
            )
            self._mc.append(sampler)
            if sampler.injected and sampler.injected not in self.notes:
                self.notes.append(sampler.injected)

    @property
    def image_size(self) -> int:
        """Pixels a side that images are decoded to: the largest of the members'."""
        return max(member.image_size for member in self.members)

    @torch.inference_mode()
    def logits(self, image_N1HW: Tensor) -> Array:
        """Return the uncalibrated logit of abnormal of every member, view and pass, M×V×S×N.

        Args:
            image_N1HW: In [0, 1], at ``image_size``.
        """
        self.features_ND = None
        keys = mask_keys(image_N1HW) if self._mc else []
        image = image_N1HW.to(self.device)
        seen = [view.apply_tensor(image) for view in self.views]
        with full_precision():
            found = [
                [
                    self._logits(number, member, image, [(view, key) for key in keys])
                    for view, image in enumerate(seen)
                ]
                for number, member in enumerate(self.members)
            ]
        return np.stack(list(map(np.stack, found)))

    @torch.inference_mode()
    def features(self, image_N1HW: Tensor) -> list[Array]:
        """Return what the head of each member sees of every view, V×N×D; widths may differ."""
        image = image_N1HW.to(self.device)
        seen = [view.apply_tensor(image) for view in self.views]
        with full_precision():
            return [np.stack([_plain(member, each) for each in seen]) for member in self.members]

    def _logits(
        self, number: int, member: TrainedModel, image: Tensor, names: Sequence[tuple[int, int]]
    ) -> Array:
        image = member.normalize(_resized(image, member.image_size))
        if self._mc:
            sampler = self._mc[number]
            shared = sampler.shared(image)
            logits = sampler.logits(shared, names)
            features = shared if sampler.first == "head" else None
        else:
            features = member.network.features(image)
            logits = member.network.head(features)[None]
        if number == 0 and self.features_ND is None:
            self.features_ND = features
        return np.asarray(logits.cpu().double().numpy())

    def through(self, batches: Iterable[Batch]) -> tuple[pd.DataFrame, Array]:
        """Return ``image_id, patient_id, label`` of a loader's images, and M×V×S×N."""
        tables, parts = [], []
        for batch in batches:
            parts.append(self.logits(batch["image"]))
            tables.append(
                pd.DataFrame(
                    {
                        "image_id": batch["image_id"],
                        "patient_id": batch["patient_id"],
                        "label": batch["label"].numpy().astype(np.int64),
                    }
                )
            )
        return pd.concat(tables, ignore_index=True), np.concatenate(parts, axis=-1)


def _plain(member: TrainedModel, image_N1HW: Tensor) -> Array:
    image = member.normalize(_resized(image_N1HW, member.image_size))
    return np.asarray(member.network.features(image).cpu().double().numpy())


def mask_keys(image_N1HW: Tensor) -> list[int]:
    """Return a whole number from 0 for each image, which names the masks of its passes.

    It follows from the pixels, in steps of 1/65535, so that an image gets the same masks under any
    name and in any batch and order.
    """
    steps = (image_N1HW.detach().cpu().double() * 65535).round().to(torch.int32).numpy()
    digests = (hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in steps)
    return [int.from_bytes(digest) for digest in digests]


def _resized(image_N1HW: Tensor, size: int) -> Tensor:
    if image_N1HW.shape[-1] == size:
        return image_N1HW
    return nn.functional.interpolate(
        image_N1HW, (size, size), mode="bilinear", align_corners=False, antialias=True
    )
