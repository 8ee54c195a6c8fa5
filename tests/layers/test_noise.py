import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.layers.noise import GaussianNoise, MaskingNoise


def test_gaussian_noise_has_its_spread_and_passes_the_error_on():
    torch.manual_seed(0)
    x = torch.zeros(100_000, requires_grad=True)
    out = GaussianNoise(0.3)(x)
    assert float(out.detach().std()) == pytest.approx(0.3, rel=0.02)
    out.sum().backward()
    assert bool((x.grad == 1).all())


def test_masking_noise_sets_its_share_to_zero_and_rescales_nothing():
    torch.manual_seed(0)
    out = MaskingNoise(0.3)(torch.ones(100_000))
    assert set(out.unique().tolist()) == {0.0, 1.0}
    assert float((out == 0).float().mean()) == pytest.approx(0.3, abs=0.01)


def test_evaluation_adds_nothing():
    x = torch.randn(10)
    assert torch.equal(GaussianNoise(1.0).eval()(x), x)
    assert torch.equal(MaskingNoise(0.5).eval()(x), x)


def test_a_negative_spread_is_refused():
    with pytest.raises(ConfigError, match=r"std|standard deviation"):
        GaussianNoise(-1.0)
