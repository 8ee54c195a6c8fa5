"""MC dropout against the naive passes, against closed forms, and in batches of any size."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from timm.layers import DropPath
from torch import nn
from torchvision.models.densenet import _DenseLayer
from torchvision.ops import DropBlock2d, StochasticDepth

from medcnn.errors import ConfigError
from medcnn.inference.mc_dropout import AT_ONCE, McDropout
from medcnn.layers import dropout, structured_dropout
from medcnn.models import build_classifier

SEED = (5, 0)


class Dense(nn.Module):
    """A layer of torchvision's DenseNet: its dropout is a function, not a module."""

    def __init__(self):
        super().__init__()
        self.layer = _DenseLayer(6, 6, 1, drop_rate=0.5)

    def forward(self, x):
        return self.layer(x)


MAPS = {
    "dropout": lambda: nn.Dropout(0.4),
    "in place": lambda: nn.Dropout(0.4, inplace=True),
    "channels": lambda: nn.Dropout2d(0.4),
    "functional": Dense,
    "stochastic depth": lambda: StochasticDepth(0.5, "row"),
    "stochastic depth of a batch": lambda: StochasticDepth(0.5, "batch"),
    "drop path": lambda: DropPath(0.5),
    "drop block": lambda: DropBlock2d(0.3, 3),
    "random rectifier": nn.RReLU,
    "fractional pooling": lambda: nn.FractionalMaxPool2d(2, output_ratio=0.6),
    "own dropout": lambda: dropout.Dropout(0.4),
    "own dropout by weight scaling": lambda: dropout.WeightScalingDropout(0.4),
    "own gaussian dropout": lambda: dropout.GaussianDropout(0.4),
    "own channels": lambda: structured_dropout.Dropout2d(0.4),
    "own stochastic depth": lambda: structured_dropout.StochasticDepth(0.5, "batch"),
    "own drop block": lambda: structured_dropout.DropBlock2d(0.3, 3),
}


def images(n=5, size=12):
    return torch.randn(n, 1, size, size, generator=torch.Generator().manual_seed(2))


def passes(network, image, keys=None, samples=7, **options):
    mc = McDropout(network, samples, seed=SEED, **options)
    keys = range(len(image)) if keys is None else keys
    return mc, mc.logits(mc.shared(image), [(key,) for key in keys])


def naively(network, image, samples):
    """Run the whole network on copies of each image, all but the norms in training."""
    network = copy.deepcopy(network)
    for module in network.modules():
        module.training = "Norm" not in type(module).__name__
        if getattr(module, "mode", None) == "batch":
            module.mode = "row"
    found = []
    for row in range(len(image)):
        torch.manual_seed(int(np.random.SeedSequence((*SEED, row)).generate_state(1)[0]))
        with torch.inference_mode():
            found.append(network(image[row : row + 1].expand(samples, -1, -1, -1)))
    return torch.stack(found, dim=1)


@pytest.mark.each("name", MAPS)
def test_each_layer_gives_the_naive_passes_in_any_batch(name, make_classifier):
    network, image = make_classifier(MAPS[name]()), images()
    before = copy.deepcopy(network.state_dict())
    mc, found = passes(network, image)
    assert mc.first == "two"
    assert found.shape == (7, 5)
    torch.testing.assert_close(found, naively(network, image, 7), rtol=1e-5, atol=1e-6)
    assert found.std(0).min() > 0
    order = [3, 1]
    torch.testing.assert_close(passes(network, image[order], order)[1], found[:, order])
    assert not any(module.training for module in network.modules())
    for key, value in network.state_dict().items():
        assert torch.equal(before[key], value)


def test_drop_connect_draws_connections_for_each_row(make_classifier):
    network = make_classifier(after=structured_dropout.DropConnect(6, 6, p=0.5))
    mc, found = passes(network, images())
    assert mc.first == "pool"
    torch.testing.assert_close(found, naively(network, images(), 7), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(passes(network, images()[2:3], [2])[1], found[:, 2:3])


def test_dropout_before_the_last_layer_has_the_moments_of_theory(make_classifier):
    p, image = 0.3, images(3)
    network = make_classifier(dropout=p)
    mc, found = passes(network, image, samples=8000)
    assert mc.first == "head"
    with torch.inference_mode():
        parts = network.features(image) * network.linear.weight[0]
        mean = network(image)
    variance = p / (1 - p) * parts.square().sum(1)
    assert torch.all((found.mean(0) - mean).abs() < 4 * (variance / 8000).sqrt())
    torch.testing.assert_close(found.var(0), variance, rtol=0.08, atol=0)


def test_a_seed_repeats_its_masks_and_another_does_not(make_classifier):
    network, image = make_classifier(dropout=0.5), images()
    first, second = passes(network, image)[1], passes(network, image)[1]
    other = McDropout(network, 7, seed=(6, 0))
    assert torch.equal(first, second)
    assert not torch.equal(first, other.logits(other.shared(image), [(key,) for key in range(5)]))


def test_torchs_generator_is_left_alone(make_classifier):
    network, image = make_classifier(nn.Dropout(0.5)), images()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    passes(network, image)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("inject", "first"), [("head", "head"), ("blocks", "dropout after one")])
def test_dropout_is_put_into_a_network_without_and_said(inject, first, make_classifier):
    network, image = make_classifier(), images()
    mc, found = passes(network, image, inject=inject, p=0.25)
    assert mc.first == first
    assert "p = 0.25" in mc.injected
    assert found.std(0).min() > 0
    again = passes(network, image[1:2], [1], inject=inject, p=0.25)[1]
    torch.testing.assert_close(again, found[:, 1:2])


def test_a_head_with_dropout_of_its_own_gets_no_more(make_classifier):
    mc, _ = passes(make_classifier(dropout=0.5), images(), inject="head")
    assert mc.injected is None


def test_a_network_without_randomness_is_told_what_to_do(make_classifier):
    with pytest.raises(ConfigError, match=r"mc\.inject=head"):
        McDropout(make_classifier(), 3)
    with pytest.raises(ConfigError, match="Nothing in this small is random"):
        McDropout(make_classifier(nn.Dropout(0.0)), 3)


def test_impossible_options_are_refused(make_classifier):
    with pytest.raises(ConfigError, match=r"mc\.p cannot be 1"):
        McDropout(make_classifier(), 3, inject="head", p=1)
    with pytest.raises(ConfigError, match=r"mc\.inject"):
        McDropout(make_classifier(), 3, inject="everywhere")


class Attention(nn.Module):
    """Attention between the rows of a map, with dropout of its weights."""

    def forward(self, x):
        return x + F.scaled_dot_product_attention(x, x, x, dropout_p=0.3 * self.training)


@pytest.mark.parametrize("layer", [nn.AlphaDropout(0.5), nn.FeatureAlphaDropout(0.5), Attention()])
def test_what_draws_in_its_own_way_is_sampled_too(layer, make_classifier):
    network, image = make_classifier(layer), images()
    _, found = passes(network, image)
    assert found.std(0).min() > 0
    torch.testing.assert_close(passes(network, image[[3, 1]], [3, 1])[1], found[:, [3, 1]])


def test_samples_of_stochastic_depth_are_dropped_one_by_one(make_classifier):
    # A block of p = 0.5 is dropped in about half of the samples of each image.
    network = make_classifier(StochasticDepth(0.5, "batch"))
    _, found = passes(network, images(4), samples=400)
    for logits in found.T:
        values, counts = logits.round(decimals=4).unique(return_counts=True)
        assert len(values) == 2
        assert abs(int(counts[0]) - 200) < 4 * 10


def test_more_samples_than_go_together_all_differ(make_classifier):
    _, found = passes(make_classifier(nn.Dropout(0.4)), images(2), samples=2 * AT_ONCE + 3)
    assert found.shape == (2 * AT_ONCE + 3, 2)
    assert len(found[:, 0].unique()) == len(found)


@pytest.mark.parametrize(
    ("backbone", "first"),
    [("tiny_resnet", "head"), ("efficientnet_b0", "layer1"), ("convnext_tiny", "layer1")],
)
def test_real_backbones_are_split_at_their_first_random_layer(backbone, first):
    options = {"widths": [4, 8], "blocks": 1} if backbone == "tiny_resnet" else {}
    network = build_classifier(backbone, weights="none", image_size=32, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # one pass shows it the statistics, else deep signals vanish
    network(images(8, 32))
    network.eval()
    mc, found = passes(network, images(2, 32), samples=3)
    assert mc.first == first
    assert found.std(0).min() > 0
    torch.testing.assert_close(passes(network, images(2, 32)[:1], samples=3)[1], found[:, :1])
