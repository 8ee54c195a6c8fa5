import pytest
import torch
from torch import nn

from medcnn.errors import DataError
from medcnn.layers.batch_norm import BatchNorm2d
from medcnn.layers.batch_statistics import estimate_population_statistics


def batches(n=5, size=6):
    return [
        torch.randn(size, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(k))
        * 3
        + k
        for k in range(n)
    ]


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, BatchNorm2d])
def test_they_are_the_mean_of_the_means_and_of_the_unbiased_variances(norm):
    model = nn.Sequential(norm(2).double())
    assert estimate_population_statistics(model, batches()) == ["0"]
    means = torch.stack([b.mean((0, 2, 3)) for b in batches()]).mean(0)
    m = 6 * 4 * 4
    variances = (
        torch.stack([b.var((0, 2, 3), correction=0) for b in batches()]).mean(0) * m / (m - 1)
    )
    torch.testing.assert_close(model[0].running_mean, means)
    torch.testing.assert_close(model[0].running_var, variances)


def test_modes_momentum_and_counts_are_as_before():
    model = nn.Sequential(nn.BatchNorm2d(2).double(), nn.Dropout(0.5))
    model[1].eval()
    estimate_population_statistics(model, batches())
    assert model[0].training
    assert not model[1].training
    assert model[0].momentum == 0.1


def test_a_frozen_layer_keeps_its_statistics():
    model = nn.Sequential(nn.BatchNorm2d(2).double().requires_grad_(False))
    assert estimate_population_statistics(model, batches()) == []
    assert torch.equal(model[0].running_mean, torch.zeros(2, dtype=torch.float64))


def test_nothing_to_estimate_from_is_refused():
    with pytest.raises(DataError, match="nothing to estimate"):
        estimate_population_statistics(nn.Sequential(nn.BatchNorm2d(2)), [])
    with pytest.raises(DataError, match="too small"):
        estimate_population_statistics(nn.Sequential(nn.BatchNorm2d(2)), [torch.zeros(1, 2, 1, 1)])
