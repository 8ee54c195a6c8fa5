"""The lectures' worked examples and formulas that no other test holds; docs/lectures.md lists all."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from medcnn.calibration.combination import fit_combination
from medcnn.data.dataset import BatchSampler
from medcnn.layers import estimate_population_statistics
from medcnn.layers.activations import Logistic, Tanh
from medcnn.layers.batch_norm import BatchNorm1d, BatchNorm2d, population_affine
from medcnn.layers.convolution import Conv2d
from medcnn.layers.filters import kernel
from medcnn.layers.linear import Linear
from medcnn.layers.normalization import GroupNorm, InstanceNorm2d, LayerNorm
from medcnn.layers.pooling import AvgPool2d, MaxPool2d, apply_sum_pool
from medcnn.layers.windows import windows
from medcnn.losses import Objective
from medcnn.models.autoencoder import Autoencoder, Corruption, pretrain_stack
from medcnn.models.inventory import take_inventory
from medcnn.models.xray_cnn import xray_cnn
from medcnn.models.xray_cnn_plan import Plan
from medcnn.training.regularizers import Penalty


def matrix(text):
    return torch.tensor([[float(word) for word in row.split()] for row in text.split("/")])


def convolved(image, filter_):
    """Return the feature map of one filter over one image, without padding."""
    layer = Conv2d(1, 1, filter_.shape[0], bias=False)
    layer.weight.data = filter_[None, None].clone()
    return layer(image[None, None])[0, 0].detach()


@pytest.mark.parametrize(
    ("image", "filter_", "expected"),
    [
        # A 6×6 image under a filter of vertical edges. The first sum is 3+1+2-1-8-2 = -5 (the slide
        # prints 5), the second 0+5+7-2-9-5 = -4.
        (
            "3 0 1 2 7 4/1 5 8 9 3 1/2 7 2 5 1 3/0 1 3 1 7 8/4 2 1 6 2 8/2 4 5 2 3 9",
            "1 0 -1/1 0 -1/1 0 -1",
            "-5 -4 0 8/-10 -2 2 3/0 -2 -4 -7/-3 -2 -3 -16",
        ),
        # A bright and a dark half: only the edge between them answers.
        ("/".join(["10 10 10 0 0 0"] * 6), "1 0 -1/1 0 -1/1 0 -1", "/".join(["0 30 30 0"] * 4)),
        (
            "3 3 2 1 0/0 0 1 3 1/3 1 2 2 3/2 0 0 2 2/2 0 0 0 1",
            "0 1 2/2 2 0/0 1 2",
            "12 12 17/10 17 19/9 6 14",
        ),
    ],
)
def test_the_convolutions_worked_by_hand(image, filter_, expected):
    assert torch.equal(convolved(matrix(image), matrix(filter_)), matrix(expected))


def test_the_two_lectures_edge_detectors_differ_in_sign_only():
    assert torch.equal(kernel("edge_vertical"), -matrix("1 0 -1/1 0 -1/1 0 -1"))


def test_a_convolution_is_the_sum_over_channels_and_offsets():
    torch.manual_seed(0)
    q, n = 1, 5
    layer = Conv2d(3, 2, 2 * q + 1, padding=q, bias=False).double()
    below = torch.randn(3, n, n, dtype=torch.float64)
    above = layer(below[None])[0]
    offsets = range(-q, q + 1)
    for r, i, j in itertools.product(range(2), range(n), range(n)):
        total = sum(
            below[c, i + a, j + b] * layer.weight[r, c, a + q, b + q]
            for c, a, b in itertools.product(range(3), offsets, offsets)
            if 0 <= i + a < n and 0 <= j + b < n  # zero where the index is outside
        )
        torch.testing.assert_close(above[r, i, j], total, rtol=0, atol=1e-12)


def test_weights_grow_as_the_square_of_the_nodes_or_stay_a_constant():
    assert [sum(p.numel() for p in Linear(n, n, bias=False).parameters()) for n in (10, 20)] == [
        100,
        400,
    ]
    shared = Conv2d(1, 1, (1, 3), padding=(0, 1), bias=False)
    assert shared.weight.numel() == 3
    assert [shared(torch.zeros(1, 1, 1, n)).shape[-1] for n in (10, 20)] == [10, 20]


def test_the_update_of_a_shared_weight_is_the_sum_of_all_updates():
    torch.manual_seed(0)
    layer = Conv2d(1, 1, (1, 3), bias=False).double()
    x = torch.randn(1, 1, 1, 8, dtype=torch.float64)
    layer(x).square().sum().backward()
    own = layer.weight.detach().reshape(1, 3).repeat(6, 1).requires_grad_()  # one set a place
    patches = x.flatten().unfold(0, 3, 1)
    (patches * own).sum(1).square().sum().backward()
    torch.testing.assert_close(layer.weight.grad.flatten(), own.grad.sum(0))


def test_a_one_by_one_convolution_is_a_fully_connected_layer_at_every_pixel():
    torch.manual_seed(0)
    layer, x = Conv2d(6, 2, 1), torch.randn(1, 6, 4, 5)
    expected = nn.functional.linear(x.movedim(1, -1), layer.weight[:, :, 0, 0], layer.bias)
    torch.testing.assert_close(layer(x).movedim(1, -1), expected)


def test_pooling_by_maximum_average_and_sum():
    x = matrix("1 1 2 4/5 6 7 8/3 2 1 0/1 2 3 4")[None, None]
    assert torch.equal(MaxPool2d(2)(x)[0, 0], matrix("6 8/3 4"))
    assert torch.equal(AvgPool2d(2)(x)[0, 0], matrix("3.25 5.25/2 2"))
    assert torch.equal(apply_sum_pool(x, windows(2, stride=2))[0, 0], matrix("13 21/8 8"))


def test_pooling_by_two_learns_nothing_and_drops_three_quarters_of_each_map():
    (layer,) = take_inventory(nn.MaxPool2d(2), (64, 224, 224)).layers
    assert (layer.output, layer.parameters) == ((64, 112, 112), 0)
    assert 112 * 112 == 0.25 * 224 * 224


def test_the_drawn_architecture_is_a_choice_of_the_plain_network():
    # Four 5×5 filters, pooled, twelve 5×5 filters, pooled, then all features into one read-out.
    body = xray_cnn(
        Plan(widths=(4, 12), kernel=5, padding=0, norm="none", readout="flatten", image_size=28)
    ).body
    found = take_inventory(body, (1, 28, 28)).layers
    maps = [layer.output for layer in found if layer.kind in ("Conv2d", "MaxPool2d")]
    assert maps == [(4, 24, 24), (4, 12, 12), (12, 8, 8), (12, 4, 4)]


def test_tanh_is_a_stretched_logistic_function():
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    torch.testing.assert_close(Tanh()(x), 2 * Logistic()(2 * x) - 1)


def test_standardised_inputs_ask_for_weights_of_one_scale():
    """Inputs of 0 to 10 and of 10^5 to 10^7: descent directions differ a million times, then not."""
    rng = np.random.default_rng(0)
    x = torch.tensor(np.c_[rng.uniform(0, 10, 500), rng.uniform(1e5, 1e7, 500)])
    target = (x - x.mean(0)) / x.std(0) @ torch.tensor([1.0, 1.0], dtype=torch.float64)
    ratios = []
    for inputs in (x, BatchNorm1d(2, affine=False).double()(x)):
        weight = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        (inputs @ weight - target).square().mean().backward()
        ratios.append(float(weight.grad.abs().max() / weight.grad.abs().min()))
    assert ratios[0] > 1e5
    assert ratios[1] < 1.2


def test_gamma_and_beta_can_undo_the_normalisation():
    torch.manual_seed(0)
    x = torch.randn(16, 3, dtype=torch.float64) * 4 + 7
    layer = BatchNorm1d(3).double()
    layer.weight.data = torch.sqrt(x.var(0, correction=0) + layer.eps)
    layer.bias.data = x.mean(0)
    torch.testing.assert_close(layer(x), x, rtol=0, atol=1e-12)


def test_at_test_time_the_slope_and_offset_are_those_of_the_population():
    torch.manual_seed(0)
    m, batches = 8, torch.randn(20, 8, 3) * 3 + 2
    layer = BatchNorm1d(3)
    layer.weight.data, layer.bias.data = torch.tensor([1.5, -1.0, 0.5]), torch.tensor([0.0, 1, 2])
    estimate_population_statistics(nn.Sequential(layer), list(batches))
    mean = batches.mean(1).mean(0)
    spread = torch.sqrt(m / (m - 1) * batches.var(1, correction=0).mean(0) + layer.eps)
    slope, offset = population_affine(layer, layer.running_mean, layer.running_var)
    torch.testing.assert_close(slope, layer.weight / spread)
    torch.testing.assert_close(offset, layer.bias - layer.weight * mean / spread)


@pytest.mark.parametrize(
    ("layer", "dims"),
    [
        (BatchNorm2d(6), (0, 2, 3)),  # statistics are 1×C×1×1
        (LayerNorm((6, 4, 5)), (1, 2, 3)),  # N×1×1×1
        (InstanceNorm2d(6), (2, 3)),  # N×C×1×1
        (GroupNorm(2, 6), None),  # of three channels each
    ],
)
def test_normalisations_differ_in_what_shares_a_mean_and_a_variance(layer, dims):
    torch.manual_seed(0)
    x = torch.randn(5, 6, 4, 5) * 3 + torch.arange(6.0)[:, None, None]
    y = layer(x).detach()
    shared, dims = (y, dims) if dims else (y.reshape(5, 2, 3, 4, 5), (2, 3, 4))
    assert float(shared.mean(dims).abs().max()) < 1e-5
    assert float((shared.var(dims, correction=0) - 1).abs().max()) < 1e-4


def test_the_gradients_of_minibatches_average_to_that_of_the_whole():
    """The objective is the mean loss of N images and λ R(W); so is its gradient."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1), nn.Flatten(0)).double()
    x, label = torch.randn(60, 4, dtype=torch.float64), torch.arange(60.0).double() % 2
    objective, penalty = Objective("bce"), Penalty(l2=0.01)

    def gradient(rows):
        network.zero_grad()
        (objective(network(x[rows]), label[rows]) + penalty.value(network)).backward()
        return torch.cat([parameter.grad.flatten() for parameter in network.parameters()])

    whole = gradient(torch.arange(60))
    batches = [torch.from_numpy(request.rows) for request in BatchSampler(60, 12, shuffle=True)]
    torch.testing.assert_close(torch.stack([gradient(rows) for rows in batches]).mean(0), whole)


def test_a_thousand_cases_in_batches_of_500_are_two_iterations():
    epoch = list(BatchSampler(1000, 500, shuffle=True))
    assert len(epoch) == 2
    assert sorted(np.concatenate([request.rows for request in epoch])) == list(range(1000))


def test_nine_networks_vote_six_to_three():
    p_MN = np.array([[0.8]] * 6 + [[0.3]] * 3)
    share = fit_combination("hard", p_MN, [1.0])(p_MN)
    assert share == pytest.approx(6 / 9) and share > 0.5
    assert fit_combination("soft", p_MN, [1.0])(p_MN) == pytest.approx((6 * 0.8 + 3 * 0.3) / 9)


def test_the_errors_of_a_sparse_autoencoder_are_the_lectures():
    """With f logistic: δ³ = 2 (y³ - x) f', δ² = (Wδ³ + β(-ρ/ρ̂ + (1-ρ)/(1-ρ̂))) f', dJ/dW¹ = δ² x."""
    torch.manual_seed(0)
    m, rho, beta = 7, 0.1, 3.0
    network = Autoencoder(6, 4, tied=False, output="logistic", rho=rho, beta=beta).double()
    x = torch.rand(m, 6, dtype=torch.float64)
    network.loss(x).backward()
    with torch.no_grad():
        y2, y3 = network.encode(x), network(x)
        delta3 = 2 * (y3 - x) * y3 * (1 - y3)
        mean = y2.mean(0)
        sparse = beta * (-rho / mean + (1 - rho) / (1 - mean))
        delta2 = (delta3 @ network.decoder.weight + sparse) * y2 * (1 - y2)
    # J is taken as the mean over the images here; the lecture takes the sum.
    torch.testing.assert_close(network.encoder.weight.grad, delta2.T @ x / m)
    torch.testing.assert_close(network.decoder.weight.grad, delta3.T @ y2 / m)


def test_a_stack_learnt_without_labels_starts_a_deep_network_that_chance_does_not():
    """Greedy denoising layers, then backpropagation with labels through all three of them."""
    torch.manual_seed(0)
    label = torch.arange(200) % 2
    slope = torch.where(label[:, None] == 1, torch.linspace(0, 1, 20), torch.linspace(1, 0, 20))
    x = (slope + 0.3 * torch.randn(200, 20)).clamp(0, 1)

    def loss_after_40_steps(epochs):
        layer = partial(Autoencoder, output="logistic", corruption=Corruption(masking=0.2))
        stack = pretrain_stack(x, [16, 12, 8], layer, epochs=epochs, batch_size=20, lr=1e-2)
        hidden = [module for layer in stack for module in (layer, nn.Sigmoid())]
        network, objective = nn.Sequential(*hidden, nn.Linear(8, 1)), Objective("bce")
        optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9)
        for _ in range(40):
            optimizer.zero_grad()
            objective(network(x)[:, 0], label.float()).backward()
            optimizer.step()
        return float(objective(network(x)[:, 0], label.float()).detach())

    assert loss_after_40_steps(epochs=0) > 0.6  # errors vanish on their way down: ln 2 is chance
    assert loss_after_40_steps(epochs=20) < 0.05
