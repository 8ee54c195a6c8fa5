"""What an explanation is measured on: a model, abnormal images, their findings and their markers.

Dimensions: N images, one channel, S×S pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medcnn.data.manifest import Manifest
from medcnn.errors import ConfigError
from medcnn.explanations.attention import has_attention
from medcnn.explanations.explain import explain, stage_for
from medcnn.explanations.localization import Mask
from medcnn.explanations.names import CAMS, METHODS, missing_library
from medcnn.explanations.perturbation import Floats
from medcnn.explanations.settings import Explain
from medcnn.explanations.subjects import (
    Subjects,
    draw,
    load,
    markers_of,
    masks_of,
    with_mask,
)
from medcnn.inference.acceleration import fast_dtype, fast_model
from medcnn.inference.loading import TrainedModel
from medcnn.inference.out_of_distribution import Model
from medcnn.notices import Notice

Watch = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Hands on the parts of a piece of work, of a name and a number of parts, and shows how far it is."""


def unwatched(parts: Iterable[Any], _name: str, _total: int) -> Iterable[Any]:
    """Hand the parts on and show nothing."""
    return parts


@dataclass(frozen=True)
class Bench:
    """A model and the images that it is explained on.

    Attributes:
        model: The trained model.
        options: What was asked.
        subjects: Abnormal images.
        mask: The finding in each, N×S×S; None where no mask says where it is.
        marker: The burned-in marker in each, N×S×S; all False where there is none.
        quick: The same model, as quick as it may be, for the passes of which there are thousands.
        notes: What a reader has to know about the choice.
    """

    model: TrainedModel
    options: Explain
    subjects: Subjects
    mask: Mask | None
    marker: Mask
    quick: TrainedModel
    notes: tuple[str, ...] = ()
    _stages: dict[str, str | None] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.network.parameters()).device

    @torch.no_grad()
    def probability(self, image_N1SS: Tensor) -> Floats:
        """Return the calibrated probability of abnormal, N, for images in [0, 1]."""
        return self._probability(self.model, image_N1SS)

    @torch.no_grad()
    def quick_probability(self, image_N1SS: Tensor) -> Floats:
        """Return the probability by the quick model, which may differ in the third digit."""
        return self._probability(self.quick, image_N1SS)

    def _probability(self, model: TrainedModel, image_N1SS: Tensor) -> Floats:
        parts = torch.split(image_N1SS, 8 * self.options.batch_size)
        logits = [model(part.to(self.device)).double().cpu().numpy() for part in parts]
        return np.asarray(self.model.calibrator.probability(np.concatenate(logits)), np.float64)

    def stage(self, method: str) -> str | None:
        """Return the stage that a method looks at; the same for every image and every network."""
        if method not in self._stages:
            asked = self.options.stage if method in CAMS else None
            first = self.subjects.image_N1SS[:1].to(self.device)
            self._stages[method] = stage_for(self.model, first, method, asked)
        return self._stages[method]

    def heat(
        self,
        method: str,
        model: Model | None = None,
        count: int | None = None,
        watch: Watch = unwatched,
    ) -> Tensor:
        """Return the heat of the first ``count`` images, N×S×S in [0, 1] on the processor.

        Args:
            method: The explanation.
            model: Another network in the place of the trained one.
            count: None for every image.
            watch: Shows how far it is.
        """
        images = torch.split(self.subjects.image_N1SS[:count], self.options.batch_size)
        looked_at = model or (self.quick if method == "occlusion" else self.model)
        stage = self.stage(method)
        parts = [
            explain(looked_at, part.to(self.device), method, stage).cpu()
            for part in watch(images, method, len(images))
        ]
        return torch.cat(parts)


def prepare(model: TrainedModel, manifest: Manifest, options: Explain) -> Bench:
    """Return the bench of a model: abnormal images of a split, those with a mask where any has one.

    Raises:
        ConfigError: If the split has no abnormal image.
    """
    rows = manifest.split(options.split)
    abnormal = rows[rows["label"] == 1]
    if abnormal.empty:
        raise ConfigError(
            f"The split {options.split!r} has no abnormal image to explain.",
            expected="train, val or test with abnormal images",
            found=f"{len(rows)} images, none of them abnormal",
        )
    masked = with_mask(abnormal)
    chosen = draw(abnormal if masked.empty else masked, options.images, options.seed)
    subjects = load(manifest, chosen, model.settings.data)
    device = next(model.network.parameters()).device
    exact = options.exact or device.type != "cpu"
    return Bench(
        model,
        options,
        subjects,
        mask=None if masked.empty else masks_of(subjects),
        marker=markers_of(subjects),
        quick=model if exact else fast_model(model, fast_dtype(device)),
        notes=(Notice("no_masks"),) if masked.empty else (),
    )


def choose_methods(bench: Bench) -> tuple[list[str], list[Notice]]:
    """Return the methods asked for, or all that the backbone has, and notes on those left out."""
    if bench.options.methods:
        return list(bench.options.methods), []
    chosen, notes = [], []
    for method in METHODS:
        package = missing_library(method)
        if package is not None:
            notes.append(Notice("method_left_out", method=method, package=package))
        elif method in CAMS and not _has_maps(bench):
            notes.append(Notice("method_without_maps", method=method))
        elif method != "attention_rollout" or has_attention(bench.model.network.backbone):
            chosen.append(method)
    return chosen, notes


def _has_maps(bench: Bench) -> bool:
    try:
        return bench.stage(CAMS[0]) is not None
    except ConfigError:
        return False
