"""Parts of a batch in two processes against torch's own layer on the whole batch."""

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from medcnn.layers.shared_batch_norm import SharedBatchNorm, share_statistics
from medcnn.training.ranks import together

SIZES = (3, 2)


def case(shape):
    rng = np.random.default_rng(1)
    x, weight = (torch.tensor(rng.normal(1, 2, shape)) for _ in range(2))
    layer = nn.BatchNorm2d(shape[1]) if len(shape) == 4 else nn.BatchNorm1d(shape[1], momentum=None)
    layer.double()
    with torch.no_grad():
        layer.weight += torch.tensor(rng.normal(size=shape[1]))
    return x, weight, layer


def through(layer, x, weight):
    x = x.clone().requires_grad_()
    for _ in range(2):
        y = layer(x)
    (y * weight).sum().backward()
    return {
        "y": y.detach(), "dx": x.grad, "gamma": layer.weight.grad, "beta": layer.bias.grad,
        "mean": layer.running_mean, "var": layer.running_var, "n": layer.num_batches_tracked,
    }  # fmt: skip


def in_two_processes(shapes):
    dist.init_process_group("gloo", rank=int(__import__("os").environ["LOCAL_RANK"]), world_size=2)
    found = []
    for shape in shapes:
        x, weight, layer = case(shape)
        share_statistics(layer, on_gpu=False)
        own = slice(0, SIZES[0]) if dist.get_rank() == 0 else slice(SIZES[0], None)
        parts = [None, None]
        dist.all_gather_object(parts, through(layer, x[own], weight[own]))
        found.append(parts)
    try:
        layer.train()(torch.ones(1 if dist.get_rank() else 0, shapes[-1][1]).double())
    except ValueError as error:
        found.append(str(error))
    return found


def test_output_gradients_and_statistics_are_those_of_the_whole_batch(quick_start):
    shapes = [(5, 3, 4, 6), (5, 4)]
    *found, refused = together(in_two_processes, (shapes,), 2)
    for shape, parts in zip(shapes, found, strict=True):
        whole = through(case(shape)[2], *case(shape)[:2])
        for name in ("y", "dx"):
            torch.testing.assert_close(torch.cat([part[name] for part in parts]), whole[name])
        for name in ("gamma", "beta"):
            torch.testing.assert_close(parts[0][name] + parts[1][name], whole[name])
        for name in ("mean", "var", "n"):
            assert torch.equal(parts[0][name], parts[1][name])
            torch.testing.assert_close(parts[0][name], whole[name])
    assert "more than 1 value" in refused


def test_at_test_time_it_is_what_it_was_and_stays_the_same_object():
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)).eval()
    x = torch.randn(2, 1, 8, 8)
    before, layer = network(x), network[1]
    keys = list(network.state_dict())
    share_statistics(network, on_gpu=False)
    assert network[1] is layer and isinstance(layer, SharedBatchNorm)
    assert torch.equal(network(x), before) and list(network.state_dict()) == keys
    share_statistics(network, on_gpu=True)
    assert isinstance(layer, nn.SyncBatchNorm) and layer.process_group is None
