"""What an augmentation does to one image, operator by operator: to be looked at before training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medcnn.augment.mixing import Mixing
from medcnn.augment.operator import Operator
from medcnn.augment.pipeline import Augmentation
from medcnn.augment.resampling import Images
from medcnn.errors import DataError


def gallery(
    augmentation: Augmentation,
    image: Images,
    seed: int,
    *,
    partner: Images | None = None,
    draws: int = 3,
) -> list[tuple[str, Images]]:
    """Return the original, each operator alone (it always acts) and draws of the whole pipeline.

    Args:
        augmentation: The pipeline.
        image: H×W, uint8 or uint16.
        seed: Seed of the draws.
        partner: An image of the same shape for operators on batches, left out without one.
        draws: How many draws of the whole pipeline.

    Raises:
        DataError: If the image is not one grey integer image.
    """
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        raise DataError(
            "The gallery needs one grey image.",
            expected="H×W, uint8 or uint16",
            found=f"{'×'.join(map(str, image.shape))}, {image.dtype}",
            remedy="take one image from the cache",
        )
    pictures = [("original", image)]
    for name, operator in augmentation.operators.items():
        rng = np.random.default_rng([seed, 0])
        alone = _with_operators(augmentation, {name: replace(operator, p=1.0)})
        if not isinstance(operator, Mixing):
            pictures.append((name, alone(image[None], rng)[0]))
        elif partner is not None:
            pictures.append((name, _mixed(alone, operator, image, partner, rng)))
    if augmentation.operators:
        for draw in range(draws):
            rng = np.random.default_rng([seed, 1, draw])
            pictures.append((f"all, draw {draw + 1}", augmentation(image[None], rng)[0]))
    return pictures


def _with_operators(augmentation: Augmentation, operators: dict[str, Operator]) -> Augmentation:
    alone = Augmentation(border=augmentation.border)
    alone.operators = operators
    return alone


def _mixed(
    alone: Augmentation,
    operator: Mixing,
    image: Images,
    partner: Images,
    rng: np.random.Generator,
) -> Images:
    import torch

    peak = float(np.iinfo(image.dtype).max)
    pair = torch.from_numpy(np.stack([image, partner]) / peak)[:, None]
    label = torch.tensor([0.0, 1.0])
    for _ in range(64):
        # A drawn permutation may leave both images where they are, and most weights are near 0 or 1.
        mixed, labels = alone.mix(pair, label, rng)
        seen = 0.1 < float(labels[0]) < 0.9
        if seen if operator.mixes_labels else not torch.allclose(mixed, pair, atol=1e-3):
            break
    return np.rint(mixed[0, 0].numpy() * peak).astype(image.dtype)
