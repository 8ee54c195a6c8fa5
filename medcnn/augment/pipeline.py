"""Augmentation as data: values are drawn once for a batch, then executed by the engine at hand.

The geometric operators compose, in the order of the configuration, into one resampling; then come
the operators on grey values, in the same order; then, on the whole batch, style, mixup and CutMix.
Dimensions: N images, H×W pixels, C = 1 channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from medcnn.augment.acquisition import Frame, Marker, Shading
from medcnn.augment.bending import Elastic, Lens
from medcnn.augment.compression import Jpeg
from medcnn.augment.equalization import Clahe, Equalize
from medcnn.augment.erasing import Cutout, Erasing
from medcnn.augment.filters import Blur, Filter, Noise, Sharpen
from medcnn.augment.geometry import (
    Crop,
    Flip,
    Geometric,
    Perspective,
    Rotation,
    Scale,
    Shear,
    Size,
    Stretch,
    Translation,
    identity,
)
from medcnn.augment.intensity import Brightness, Contrast, Gamma, Pointwise
from medcnn.augment.mixing import CutMix, Mixing, Mixup
from medcnn.augment.operator import Floats, Operator, Values
from medcnn.augment.resampling import BORDERS, Images, Warp, resample, resample_tensor
from medcnn.augment.style import Style
from medcnn.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from torch import Tensor

OPERATORS: dict[str, type[Operator]] = {
    "flip": Flip,
    "rotation": Rotation,
    "scale": Scale,
    "translation": Translation,
    "shear": Shear,
    "stretch": Stretch,
    "perspective": Perspective,
    "crop": Crop,
    "elastic": Elastic,
    "lens": Lens,
    "brightness": Brightness,
    "contrast": Contrast,
    "gamma": Gamma,
    "equalize": Equalize,
    "clahe": Clahe,
    "noise": Noise,
    "blur": Blur,
    "sharpen": Sharpen,
    "jpeg": Jpeg,
    "shading": Shading,
    "frame": Frame,
    "marker": Marker,
    "erasing": Erasing,
    "cutout": Cutout,
    "style": Style,
    "mixup": Mixup,
    "cutmix": CutMix,
}
"""The operators by the names that configurations use."""


@dataclass(frozen=True)
class Parameters:
    """What happens to the N images of one batch: plain arrays, to be kept, sent or repeated.

    Attributes:
        n: Number of images.
        size: Height and width in pixels.
        values: For each operator, its drawn values.
    """

    n: int
    size: Size
    values: dict[str, Values]

    def of(self, rows: slice) -> Parameters:
        """Return the values of some of the images; every array counts them along its first axis."""
        values = {
            name: {key: array[rows] for key, array in drawn.items()}
            for name, drawn in self.values.items()
        }
        return Parameters(len(range(*rows.indices(self.n))), self.size, values)


class Augmentation:
    """A pipeline of operators.

    Args:
        operators: For each operator's name, its options (a mapping, possibly empty); an
            operator that is set to null is left out.
        border: What stands outside of the image: ``zeros``, ``border`` or ``reflection``.

    Raises:
        ConfigError: If an operator or an option is unknown, or a value is not valid.
    """

    def __init__(
        self,
        operators: Mapping[str, Mapping[str, object] | None] | None = None,
        border: str = "zeros",
    ) -> None:
        if border not in BORDERS:
            raise unknown_name("border of augmentations", border, BORDERS)
        self.border = border
        self.operators = {
            name: make_operator(name, options)
            for name, options in (operators or {}).items()
            if options is not None
        }

    @property
    def mixes(self) -> bool:
        """Whether images of a batch meet one another."""
        return any(isinstance(operator, Mixing) for operator in self.operators.values())

    def draw(self, rng: np.random.Generator, n: int, size: Size | int) -> Parameters:
        """Draw what will happen to ``n`` images of a size; mixing is drawn by ``mix``."""
        shape = (size, size) if isinstance(size, int) else size
        values = {
            name: operator.draw(rng, n)
            for name, operator in self.operators.items()
            if not isinstance(operator, Mixing)
        }
        return Parameters(n, shape, values)

    def __call__(self, images_NHW: Images, rng: np.random.Generator) -> Images:
        """Draw and apply."""
        height, width = images_NHW.shape[1:]
        return self.apply(images_NHW, self.draw(rng, len(images_NHW), (height, width)))

    def apply(self, images_NHW: Images, parameters: Parameters) -> Images:
        """Return the augmented images on the CPU, by OpenCV; dtype and range are kept."""
        _check_fit(images_NHW.shape[0], images_NHW.shape[1:], parameters)
        warp = self.warp(parameters)
        images = images_NHW.copy() if warp is None else resample(images_NHW, warp, self.border)
        stages = self._stages()
        for row, warped in enumerate(images):
            image = warped
            for stage in stages:
                image = _run_stage(stage, image, parameters, row)
            if image is not warped:
                images[row] = image
        return images

    def apply_tensor(self, image_N1HW: Tensor, parameters: Parameters) -> Tensor:
        """Return the augmented images in [0, 1], in batched operations on their device."""
        import torch

        _check_fit(image_N1HW.shape[0], tuple(image_N1HW.shape[-2:]), parameters)
        image = image_N1HW
        warp = self.warp(parameters)
        if warp is not None:
            image = resample_tensor(image, warp, self.border)
        for name, operator in self.operators.items():
            if not isinstance(operator, (Pointwise, Filter)):
                continue
            values = parameters.values[name]
            active = torch.as_tensor(values["active"], device=image.device)[:, None, None, None]
            if isinstance(operator, Pointwise):
                amount = torch.as_tensor(values["amount"]).to(image)[:, None, None, None]
                changed = operator.curve(image, image.mean((1, 2, 3), keepdim=True), amount)
            else:
                changed = operator.tensor(image, values)
            image = torch.where(active, changed, image)
        return image

    def mix(
        self, image_N1HW: Tensor, label_N: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the batch after style, mixup and CutMix, where the pipeline has them."""
        for operator in self.operators.values():
            if isinstance(operator, Mixing):
                values = operator.draw(rng, len(label_N))
                if values["active"]:
                    image_N1HW, label_N = operator.mix(image_N1HW, label_N, values)
        return image_N1HW, label_N

    def warp(self, parameters: Parameters) -> Warp | None:
        """Return the composed map of the geometric operators, None where there are none."""
        matrix: Floats = identity(parameters.n)
        field, lens, found = None, None, False
        for name, operator in self.operators.items():
            if isinstance(operator, (Geometric, Elastic, Lens)):
                values, found = parameters.values[name], True
                active = values["active"]
            if isinstance(operator, Geometric):
                step = operator.matrix(values, parameters.size)
                matrix = matrix @ np.where(active[:, None, None], step, np.eye(3))
            elif isinstance(operator, Elastic):
                field = values["field"] * active[:, None, None, None]
            elif isinstance(operator, Lens):
                lens = values["k"] * active
        return Warp(matrix, field, lens) if found else None

    def _stages(self) -> list[list[tuple[str, Pointwise | Filter]]]:
        """Return the operators on grey values, neighbouring curves together."""
        stages: list[list[tuple[str, Pointwise | Filter]]] = []
        for name, operator in self.operators.items():
            if (
                isinstance(operator, Pointwise)
                and stages
                and isinstance(stages[-1][-1][1], Pointwise)
            ):
                stages[-1].append((name, operator))
            elif isinstance(operator, (Pointwise, Filter)):
                stages.append([(name, operator)])
        return stages


def make_operator(name: str, options: Mapping[str, object]) -> Operator:
    """Return an operator by its configured name and options.

    Raises:
        ConfigError: If the name, an option or a value is not valid.
    """
    if name not in OPERATORS:
        raise unknown_name("augmentation operator", name, OPERATORS)
    kind = OPERATORS[name]
    known = [option for option in kind.__dataclass_fields__ if not option.startswith("_")]
    for option in options:
        if option not in known:
            raise unknown_name(f"option of the augmentation operator {name}", str(option), known)
    construct: Callable[..., Operator] = kind
    return construct(**options)


def _check_fit(n: int, size: tuple[int, ...], parameters: Parameters) -> None:
    if n != parameters.n or tuple(size) != tuple(parameters.size):
        raise ConfigError(
            "The augmentation's parameters were drawn for other images.",
            expected=f"{parameters.n} images of {parameters.size[0]}×{parameters.size[1]} pixels",
            found=f"{n} images of {'×'.join(map(str, size))} pixels",
            remedy="draw parameters for this batch",
        )


def _run_stage(
    stage: list[tuple[str, Pointwise | Filter]], image: Images, parameters: Parameters, row: int
) -> Images:
    """Return one image after one filter or one run of curves."""
    curves: list[tuple[Pointwise, float]] = []
    for name, operator in stage:
        values = parameters.values[name]
        if not values["active"][row]:
            continue
        if isinstance(operator, Pointwise):
            curves.append((operator, float(values["amount"][row])))
        else:
            image = operator.image(image, {key: array[row] for key, array in values.items()})
    return _look_up(image, curves) if curves else image


@lru_cache(maxsize=2)
def _grey_levels(peak: int) -> Floats:
    return np.linspace(0, 1, peak + 1)


def _shares(image: Images, peak: int) -> Floats:
    """Return the share of the pixels that each grey level has."""
    count = cv2.calcHist([image], [0], None, [peak + 1], [0, peak + 1])
    return np.asarray(count.ravel().astype(np.float64) / image.size)


def _look_up(image: Images, curves: list[tuple[Pointwise, float]]) -> Images:
    """Return the image after all curves: composed over its grey levels, rounded once."""
    peak = int(np.iinfo(image.dtype).max)
    level = _grey_levels(peak)
    # Counting takes longer than looking up, and most curves ask for no mean.
    has_mean = any(operator.uses_mean for operator, _ in curves)
    share = _shares(image, peak) if has_mean else np.zeros(peak + 1)
    for operator, amount in curves:
        level = operator.curve(level, float(share @ level), amount)
    table = np.rint(level * peak).astype(image.dtype)
    return np.asarray(cv2.LUT(image, table) if peak == 255 else table[image], image.dtype)
