import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError
from medcnn.layers.constraints import constrain_max_norm, max_norm


def test_it_is_torchs_renorm():
    weight = torch.randn(5, 7)
    torch.testing.assert_close(
        max_norm(weight, 2.0), torch.renorm(weight, 2, 0, 2.0), rtol=1e-5, atol=1e-6
    )


def test_only_vectors_beyond_the_limit_are_shortened_and_counted():
    layer = nn.Linear(2, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]))
    assert constrain_max_norm(layer, 1.0) == 1
    torch.testing.assert_close(
        layer.weight.detach(), torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]])
    )


def test_filters_count_as_one_vector_and_frozen_weights_stay():
    conv, frozen = nn.Conv2d(2, 3, 3), nn.Conv2d(2, 3, 3).requires_grad_(False)
    before = frozen.weight.clone()
    constrain_max_norm(nn.Sequential(conv, frozen), 0.01)
    assert float(conv.weight.detach().flatten(1).norm(dim=1).max()) <= 0.01 + 1e-6
    assert torch.equal(frozen.weight, before)


def test_a_limit_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="max-norm"):
        constrain_max_norm(nn.Linear(1, 1), 0.0)
