import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.layers.rectifiers import LeakyReLU, NoisyReLU, PReLU, ReLU, RReLU


def test_the_derivative_of_relu_at_zero_is_zero():
    x = torch.zeros(3, requires_grad=True)
    ReLU()(x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_leaky_slope_is_below_zero_only():
    x = torch.tensor([-2.0, 3.0], requires_grad=True)
    out = LeakyReLU(0.1)(x)
    out.sum().backward()
    assert torch.allclose(out, torch.tensor([-0.2, 3.0]))
    assert torch.allclose(x.grad, torch.tensor([0.1, 1.0]))


def test_the_parametric_slope_learns_from_negative_inputs():
    layer = PReLU(1, 0.25)
    layer(torch.tensor([[-2.0], [3.0], [-1.0]])).sum().backward()
    assert layer.weight.grad.tolist() == [-3.0]


def test_random_slopes_lie_between_their_bounds_and_are_their_mean_in_evaluation():
    torch.manual_seed(0)
    layer, x = RReLU(0.1, 0.3), -torch.ones(1000)
    slopes = -layer(x)
    assert 0.1 <= float(slopes.min()) < 0.12 and 0.28 < float(slopes.max()) <= 0.3
    assert torch.allclose(layer.eval()(x), torch.full((1000,), -0.2))


def test_noise_of_the_noisy_unit_is_off_in_evaluation():
    layer, x = NoisyReLU(), torch.randn(100)
    assert not torch.equal(layer(x), torch.relu(x))
    assert torch.equal(layer.eval()(x), torch.relu(x))


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ConfigError, match="lower"):
        RReLU(0.4, 0.1)
