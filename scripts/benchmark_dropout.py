"""Measure how far one scaled pass through a deep network is from the mean over its sub-networks.

For a single logistic unit it is exactly their normalised weighted geometric mean, the logistic of
the mean logit. Through several layers it is an approximation of that, and of the arithmetic mean.
Each network has ``--width`` units a layer with dropout before every layer and a logistic unit at the
end; its weights are drawn as He et al. and Glorot draw them.
``python scripts/benchmark_dropout.py [--draws 4000] [--networks 20]``
"""

from __future__ import annotations

import argparse

import torch
from torch import nn

from medcnn.layers import build

DEPTHS = (1, 2, 4, 8)
RATES = (0.1, 0.5)


def network(depth: int, width: int, activation: str, p: float) -> nn.Sequential:
    """Return a network of ``depth`` layers of weights that ends in one logit."""
    layers: list[nn.Module] = []
    for place in range(depth):
        linear = nn.Linear(width, width if place + 1 < depth else 1)
        if activation == "relu" and place + 1 < depth:
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        else:
            nn.init.xavier_normal_(linear.weight)
        layers += [build("dropout", p=p), linear, build(activation)]
    return nn.Sequential(*layers[:-1])


@torch.no_grad()
def gaps(model: nn.Sequential, x: torch.Tensor, draws: int) -> tuple[float, float, float]:
    """Return how far the scaled pass is from the geometric and arithmetic mean, and the spread."""
    logits = model.train()(x.expand(draws, -1))
    scaled = torch.sigmoid(model.eval()(x))
    sampled = torch.sigmoid(logits)
    return (
        float((torch.sigmoid(logits.mean()) - scaled).abs()),
        float((sampled.mean() - scaled).abs()),
        float(sampled.std()),
    )


def main() -> None:
    """Print one line for each activation, rate and depth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument("--width", type=int, default=64)
    options = parser.parse_args()
    print("activation    p layers geometric arithmetic  spread  chance")
    for activation in ("logistic", "relu"):
        for p in RATES:
            for depth in DEPTHS:
                found = []
                for seed in range(options.networks):
                    torch.manual_seed(seed)
                    model = network(depth, options.width, activation, p)
                    found.append(gaps(model, torch.randn(options.width), options.draws))
                geometric, arithmetic, spread = torch.tensor(found).mean(0).tolist()
                # The mean absolute error of a mean of draws, were there no gap at all.
                chance = 0.8 * spread / options.draws**0.5
                print(
                    f"{activation:>10} {p:4.1f} {depth:6d} {geometric:9.4f} {arithmetic:10.4f} "
                    f"{spread:7.4f} {chance:7.4f}"
                )


if __name__ == "__main__":
    main()
