import pytest
import torch

from medcnn.layers import LAYERS


def pair(name, dtype=torch.float32, example=0):
    """Return a layer, its torch twin with the same state, and an input, all seeded."""
    found = LAYERS[name]
    options, shape = found.examples[example][:2]
    torch.manual_seed(0)
    layer = found(**options).to(dtype)
    x = torch.randn(shape, dtype=dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    if hasattr(layer, "fit"):
        layer.fit([x])
    twin = found.reference(**options).to(dtype)
    twin.load_state_dict(layer.state_dict())
    return layer, twin, x


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
