"""Time medcnn's written batch normalisation against torch's: forward and backward, both layouts.

Each pass of the one is followed by one of the other, so that a busy machine slows both; the medians
of the processor's time are compared. ``python scripts/benchmark_batch_norm.py [--repeats 40]
[--threads 1] [--dtype bfloat16]``
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import Tensor, nn

from medcnn.layers.batch_norm import BatchNorm2d

SHAPES = (
    (16, 64, 56, 56),
    (16, 128, 28, 28),
    (64, 128, 28, 28),
    (16, 256, 14, 14),
    (64, 256, 14, 14),
    (16, 512, 7, 7),
    (64, 512, 7, 7),
)
"""Batches of 16 and 64 at the four stages of a ResNet on 224×224 pixels."""
LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}
WARM_UP = 3


def seconds(layer: nn.Module, x: Tensor, error: Tensor) -> float:
    """Return the processor's time of one forward and one backward pass."""
    begin = time.process_time()
    torch.autograd.backward(layer(x), error)
    return time.process_time() - begin


def compare(
    shape: tuple[int, ...], layout: torch.memory_format, dtype: torch.dtype, repeats: int
) -> list[float]:
    """Return the median seconds of torch's layer and of medcnn's."""
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=dtype).contiguous(memory_format=layout).requires_grad_()
    error = torch.randn(shape, dtype=dtype).contiguous(memory_format=layout)
    layers = (nn.BatchNorm2d(shape[1]), BatchNorm2d(shape[1]))
    measured: list[list[float]] = [[], []]
    for _ in range(repeats + WARM_UP):
        for layer, times in zip(layers, measured, strict=True):
            x.grad = None
            times.append(seconds(layer, x, error))
    return [statistics.median(times[WARM_UP:]) for times in measured]


def main() -> None:
    """Print one line for each shape and layout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{'shape':>20} {'layout':>14} {'torch ms':>9} {'medcnn ms':>10} {'ratio':>6}")
    for shape in SHAPES:
        for name, layout in LAYOUTS.items():
            theirs, ours = compare(shape, layout, getattr(torch, options.dtype), options.repeats)
            text = "×".join(map(str, shape))
            print(
                f"{text:>20} {name:>14} {1e3 * theirs:9.2f} {1e3 * ours:10.2f} {ours / theirs:6.2f}"
            )


if __name__ == "__main__":
    main()
