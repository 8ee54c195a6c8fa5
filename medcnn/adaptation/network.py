"""The network itself among images of elsewhere: BatchNorm's statistics, without a label.

AdaBN (Li et al., Adaptive batch normalization for practical domain adaptation, Pattern Recognition 80
(2018) 109-117): what a layer subtracts and divides by is of the images that it is used on.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from medcnn.adaptation.images import Elsewhere
from medcnn.data.batch import unit_images
from medcnn.errors import ConfigError
from medcnn.inference.device import choose_device, full_precision
from medcnn.inference.loading import TrainedModel, load_model, read_checkpoint
from medcnn.inference.settings import Inference
from medcnn.layers.batch_statistics import estimate_population_statistics, trained_norms
from medcnn.run.directory import RunDir, atomic_path
from medcnn.run.place import check_single

LEAST = 8
"""Images of a batch below which its moments are those of a few patients."""


def adapt_norms(run: RunDir, target: RunDir, images: Elsewhere, how: Inference) -> tuple[str, ...]:
    """Write the parent's checkpoint with the statistics of other images, and return the layers.

    Args:
        run: The parent.
        target: The new run.
        images: All images of elsewhere; their labels are not looked at.
        how: They go through the network.

    Raises:
        ConfigError: If it cannot be done.
    """
    model = with_norms(run)
    device = choose_device(how.device)
    with full_precision():
        layers = estimate_population_statistics(
            model.to(device), (image.to(device) for image in _batches(images, how))
        )
    checkpoint = read_checkpoint(run.best_checkpoint)
    state = {f"network.{name}": value.cpu() for name, value in model.network.state_dict().items()}
    checkpoint["state_dict"] = {**checkpoint["state_dict"], **state}
    with atomic_path(target.best_checkpoint) as temporary:
        torch.save(checkpoint, temporary)
    return tuple(layers)


def with_norms(run: RunDir) -> TrainedModel:
    """Return the network of a run, whose statistics can be adapted.

    Raises:
        ConfigError: If the run is an ensemble, or its network has no batch normalisation.
    """
    why = "; its members have statistics of their own"
    check_single(run, why, "adapt", " for adapt.batch_norm=true")
    model = load_model(run)
    if not trained_norms(model):
        raise ConfigError(
            "There is no batch normalisation to adapt.",
            expected="a network with BatchNorm for adapt.batch_norm=true",
            found=str(model.settings.model.backbone),
            remedy="leave adapt.batch_norm out: calibrator and threshold are fitted all the same",
        )
    return model


def _batches(images: Elsewhere, how: Inference) -> Iterator[torch.Tensor]:
    """Yield the images in an order drawn at random, so that a batch holds all kinds."""
    rows = np.random.default_rng(how.seed).permutation(len(images.cache))
    size = max(min(how.batch_size, 32), 2)
    for start in range(0, len(rows), size):
        chosen = rows[start : start + size]
        if len(chosen) < min(LEAST, len(rows)):
            return  # the moments of a few would weigh as much as those of a batch
        yield unit_images(images.cache.take(chosen))
