import torch

from medcnn.layers.stochastic import StochasticLayer


def test_draws_come_from_torchs_generator_or_from_its_own():
    layer, like = StochasticLayer(), torch.empty(200)
    draws = {
        "bernoulli": lambda: layer.bernoulli(like, (200,), 0.5),
        "normal": lambda: layer.normal(like),
        "uniform": lambda: layer.uniform(like, -1.0, 1.0),
    }
    for draw in draws.values():
        torch.manual_seed(3)
        first = draw()
        assert not torch.equal(draw(), first)
        torch.manual_seed(3)
        assert torch.equal(draw(), first)
        layer.generator = torch.Generator().manual_seed(3)
        torch.manual_seed(4)
        assert torch.equal(draw(), first)
        layer.generator = None


def test_draws_follow_their_distribution():
    layer, like = StochasticLayer(), torch.empty(100_000, dtype=torch.float64)
    layer.generator = torch.Generator().manual_seed(0)
    ones = layer.bernoulli(like, (100_000,), 0.3)
    assert set(ones.unique().tolist()) == {0.0, 1.0}
    for drawn, mean, std in (
        (ones, 0.3, 0.21**0.5),
        (layer.normal(like), 0.0, 1.0),
        (layer.uniform(like, -1.0, 3.0), 1.0, 4 / 12**0.5),
    ):
        assert abs(float(drawn.mean()) - mean) < 5 * std / 100_000**0.5
        assert abs(float(drawn.std()) / std - 1) < 0.02


def test_a_full_mask_lies_in_memory_as_its_input_and_a_small_one_is_broadcast():
    like = torch.empty(2, 3, 4, 4).to(memory_format=torch.channels_last)
    mask = StochasticLayer().bernoulli(like, (2, 3, 4, 4), 0.5)
    assert mask.is_contiguous(memory_format=torch.channels_last)
    assert StochasticLayer().bernoulli(like.half(), (2, 3, 1, 1), 0.5).shape == (2, 3, 1, 1)
    assert StochasticLayer().bernoulli(like.half(), (2, 3, 1, 1), 0.5).dtype == torch.float16
