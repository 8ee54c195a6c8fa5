import pytest
import torch

from medcnn.layers import LAYERS


def pair(name, dtype=torch.float32, shape=None, example=0):
    """Return a layer, its torch twin with the same state, and an input, all seeded.

    The input has the shape of the example unless another is asked for.
    """
    found = LAYERS[name]
    options, usual = found.examples[example][:2]
    torch.manual_seed(0)
    layer = found(**options).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    if hasattr(layer, "fit"):
        layer.fit([torch.randn(usual, dtype=dtype)])
    twin = found.reference(**options).to(dtype)
    twin.load_state_dict(layer.state_dict())
    return layer, twin, torch.randn(shape or usual, dtype=dtype)


def seeded(module, x, seed=1):
    """Return the output of one seeded pass."""
    torch.manual_seed(seed)
    return module(x)


@pytest.fixture
def twins():
    return pair


@pytest.fixture
def run():
    return seeded
