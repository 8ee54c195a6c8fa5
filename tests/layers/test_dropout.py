import itertools

import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError
from medcnn.layers import LAYERS
from medcnn.layers.dropout import Dropout, GaussianDropout, WeightScalingDropout


@pytest.mark.parametrize("layer", [Dropout(0.3), GaussianDropout(0.3)])
def test_the_expectation_of_what_is_kept_is_the_input(layer):
    torch.manual_seed(0)
    h = torch.tensor([0.5, -2.0, 3.0], dtype=torch.float64)
    n = 200_000
    drawn = layer(h.expand(n, 3))
    # Both variants have variance h² p/(1-p).
    error = h.abs() * (0.3 / 0.7 / n) ** 0.5
    assert bool(((drawn.mean(0) - h).abs() < 4 * error).all())
    spread = drawn.var(0) / (h.square() * 0.3 / 0.7)
    assert bool(((spread - 1).abs() < 0.05).all())


def test_weight_scaling_multiplies_by_what_training_keeps_on_average():
    torch.manual_seed(0)
    layer, h = WeightScalingDropout(0.25), torch.tensor([1.0, -2.0], dtype=torch.float64)
    trained = layer(h.expand(100_000, 2)).mean(0)
    expected = layer.eval()(h)
    assert torch.equal(expected, 0.75 * h)
    torch.testing.assert_close(trained, expected, rtol=0.02, atol=0)


def geometric_mean_of_all_masks(weight, bias, x, p):
    """Return the normalised weighted geometric mean over all 2^n sub-networks of a logistic unit."""
    log_on = log_off = torch.zeros((), dtype=torch.float64)
    for mask in itertools.product([0.0, 1.0], repeat=len(x)):
        kept = torch.tensor(mask, dtype=torch.float64)
        probability = (p ** (len(x) - kept.sum())) * ((1 - p) ** kept.sum())
        z = (weight * kept * x).sum() + bias
        log_on = log_on + probability * nn.functional.logsigmoid(z)
        log_off = log_off + probability * nn.functional.logsigmoid(-z)
    return torch.sigmoid(log_on - log_off)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_a_logistic_unit_averages_its_sub_networks_exactly(p):
    """Baldi and Sadowski, Understanding dropout, NIPS 2013: NWGM(O) = sigma(E[S])."""
    torch.manual_seed(3)
    weight, x = torch.randn(2, 9, dtype=torch.float64)
    bias = torch.randn((), dtype=torch.float64)
    unit = torch.sigmoid((weight * (1 - p) * x).sum() + bias)
    mean = geometric_mean_of_all_masks(weight, bias, x, p)
    assert abs(float(mean - unit)) < 1e-12


@torch.no_grad()
def test_through_a_deep_network_the_mean_is_close_and_no_longer_exact():
    torch.manual_seed(0)
    layers = [nn.Linear(8, 8, dtype=torch.float64) for _ in range(3)]
    for layer in layers:
        nn.init.normal_(layer.weight)
    x, p, n = torch.randn(8, dtype=torch.float64), 0.5, 100_000
    drop, drawn = Dropout(p), x.expand(n, 8)
    scaled = x
    for layer in layers:
        drawn = torch.sigmoid(layer(drop(drawn)))
        scaled = torch.sigmoid(layer(scaled))
    gap = float((drawn.mean(0) - scaled).abs().max())
    noise = 4 * float((drawn.var(0) / n).sqrt().max())
    assert noise < gap < 0.2, f"an approximation: off by {gap:.3f}, more than chance ({noise:.3f})"


def test_a_generator_of_its_own_decides_the_mask():
    layer, x = Dropout(0.5), torch.ones(50)
    masks = []
    for _ in range(2):
        layer.generator = torch.Generator().manual_seed(5)
        masks.append(layer(x))
    assert torch.equal(*masks)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_the_extremes_keep_all_and_none(p):
    x = torch.randn(20)
    assert torch.equal(Dropout(p)(x), x * (1 - p))


@pytest.mark.parametrize(("layer", "p"), [(Dropout, -0.1), (Dropout, 1.1), (GaussianDropout, 1.0)])
def test_what_is_no_probability_is_refused(layer, p):
    with pytest.raises(ConfigError, match="dropout probability is out of range"):
        layer(p)


KINDS = [
    "dropout", "weight_scaling_dropout", "gaussian_dropout", "dropout2d", "drop_connect",
    "stochastic_depth", "drop_block2d",
]  # fmt: skip


@pytest.mark.each("kind", KINDS)
def test_the_mean_of_every_kind_is_its_evaluation(kind):
    options, shape = LAYERS[kind].examples[0][:2]
    torch.manual_seed(0)
    layer = LAYERS[kind](**options).double()
    x = torch.rand(shape, dtype=torch.float64) + 0.5
    with torch.no_grad():
        drawn = torch.stack([layer(x) for _ in range(2000)])
        expected = layer.eval()(x)
        assert torch.equal(layer(x), expected), "evaluation draws nothing"
    spread = drawn.std(0)
    assert bool((spread > 0).all())
    if kind == "drop_block2d":  # it rescales by what it happened to keep: only the total is right
        torch.testing.assert_close(drawn.mean(), expected.mean(), rtol=0.01, atol=0)
    else:
        assert bool(((drawn.mean(0) - expected).abs() < 5 * spread / 2000**0.5).all())
