"""The choices of ``xray_cnn``, checked without importing torch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from medcnn.errors import ConfigError, unknown_name
from medcnn.layers import ACTIVATIONS
from medcnn.layers.windows import Window
from medcnn.models.arithmetic import output_size

POOLINGS = {
    "max": "max_pool2d",
    "average": "avg_pool2d",
    "fractional": "fractional_max_pool2d",
    "none": None,
}
NORMS = {
    "batch": "batch_norm2d",
    "instance": "instance_norm2d",
    "group": "group_norm",
    "layer": "group_norm",
    "none": None,
}
READOUTS = ("average", "max", "flatten")
DROPOUTS = (
    "dropout",
    "dropout2d",
    "gaussian_dropout",
    "weight_scaling_dropout",
    "drop_block2d",
    "stochastic_depth",
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The choices that a plain network is built from.

    What may differ between blocks is one value or a list; ``kernels``, ``strides`` and ``paddings`` are
    those of each block.

    Args:
        layers: ``torch`` or ``medcnn``: whose implementation.
        widths: Channels of each block.
        depth: Convolutions in each block; the first has the stride.
        kernel: Width of the filters.
        stride: Of the first convolution.
        padding: Zeros on either side, or ``same``: (kernel - 1)/2, which keeps the size.
        pooling: ``max``, ``average``, ``fractional`` (Graham 2014, by 1/sqrt 2) or ``none``.
        pool_size: Width and stride of the pooling.
        norm: ``batch``, ``instance``, ``group`` (8 groups or fewer), ``layer`` (one group) or ``none``.
        norm_place: ``before`` or ``after`` the activation.
        activation: A name of ``medcnn.layers.ACTIVATIONS``.
        dropout_kind: One of ``DROPOUTS``, for the blocks.
        block_dropout: Its probability after each block, in [0, 1).
        hidden: Sizes of the fully connected layers before the head.
        hidden_dropout: Probability that a hidden unit is dropped, in [0, 1).
        readout: Maps to a vector: ``average`` or ``max`` of each channel, or ``flatten``.
        filters: Fixed filters of ``medcnn.layers.filters`` before the first block.
        image_size: Pixels a side.

    Raises:
        ConfigError: If a choice is unknown, or the maps shrink to nothing.
    """

    layers: str = "torch"
    widths: Sequence[int] = (32, 64, 128, 256)
    depth: int = 1
    kernel: int | Sequence[int] = 3
    stride: int | Sequence[int] = 1
    padding: str | int | Sequence[int] = "same"
    pooling: str = "max"
    pool_size: int = 2
    norm: str = "batch"
    norm_place: str = "before"
    activation: str = "relu"
    dropout_kind: str = "dropout"
    block_dropout: float = 0.0
    hidden: Sequence[int] = ()
    hidden_dropout: float = 0.0
    readout: str = "average"
    filters: Sequence[str] = ()
    image_size: int = 64

    def __post_init__(self) -> None:
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                raise unknown_name(f"model.{key}", str(getattr(self, key)), choices)
        _whole("widths", self.widths)
        _whole("hidden", self.hidden or (1,))
        _whole("depth and pool_size", (self.depth, self.pool_size))
        for key in ("block_dropout", "hidden_dropout"):
            share = getattr(self, key)
            if not isinstance(share, int | float) or not 0 <= share < 1:
                raise ConfigError(
                    f"model.{key} cannot be {share!r}.", expected="a number in [0, 1)"
                )
        size_after(self, len(self.widths))

    @property
    def kernels(self) -> tuple[int, ...]:
        """The width of the filters in each block."""
        return _each("kernel", self.kernel, len(self.widths))

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride of each block's first convolution."""
        return _each("stride", self.stride, len(self.widths))

    @property
    def paddings(self) -> tuple[int, ...]:
        """The zeros on either side in each block."""
        return _paddings(self.padding, self.kernels)


_CHOICES: dict[str, Collection[str]] = {
    "layers": ("torch", "medcnn"),
    "pooling": POOLINGS,
    "norm": NORMS,
    "norm_place": ("before", "after"),
    "activation": ACTIVATIONS,
    "dropout_kind": DROPOUTS,
    "readout": READOUTS,
}


def size_after(plan: Plan, blocks: int) -> int:
    """Return the size of the maps after a number of blocks.

    Raises:
        ConfigError: If a window does not fit any more.
    """
    size = plan.image_size
    for number in range(blocks):
        for place in range(plan.depth):
            stride = 1 if place else plan.strides[number]
            size = output_size(size, Window(plan.kernels[number], stride, plan.paddings[number]))
        if plan.pooling in ("max", "average"):
            size = output_size(size, Window(plan.pool_size, plan.pool_size))
        if plan.pooling == "fractional":
            size = int(size * 2**-0.5)
    return size


def _whole(key: str, values: Sequence[int]) -> tuple[int, ...]:
    if not values or not _are_whole(values, 1):
        raise ConfigError(
            f"model.{key} has to hold whole numbers from 1.",
            expected="for example [32,64,128]",
            found=repr(list(values)),
        )
    return tuple(values)


def _are_whole(values: Sequence[int], least: int) -> bool:
    return all(isinstance(value, int) and value >= least for value in values)


def _repeated(value: int | Sequence[int], blocks: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, Sequence) else (value,) * blocks


def _each(key: str, value: int | Sequence[int], blocks: int) -> tuple[int, ...]:
    """Return one value for each block."""
    values = _repeated(value, blocks)
    if len(values) != blocks:
        raise ConfigError(
            f"model.{key} has to be one number, or one for each of the {blocks} blocks.",
            found=repr(list(values)),
            remedy=f"give model.{key} as many values as model.widths",
        )
    return _whole(key, values)


def _paddings(value: str | int | Sequence[int], kernels: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(value, str):
        if value != "same" or not all(width % 2 for width in kernels):
            raise ConfigError(
                f"model.padding cannot be {value!r} with model.kernel={list(kernels)}.",
                expected="'same' with odd kernels, or a number of pixels",
            )
        return tuple((width - 1) // 2 for width in kernels)
    values = _repeated(value, len(kernels))
    if len(values) != len(kernels) or not _are_whole(values, 0):
        raise ConfigError(
            "model.padding has to be 'same', a number from 0, or one for each block.",
            found=repr(value),
        )
    return values
