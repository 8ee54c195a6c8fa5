import pytest
import torch
from torchvision.ops import drop_block2d

from medcnn.errors import ConfigError
from medcnn.layers.structured_dropout import DropBlock2d, DropConnect, Dropout2d, StochasticDepth


def test_spatial_dropout_drops_whole_channels():
    torch.manual_seed(0)
    out = Dropout2d(0.5)(torch.ones(8, 16, 3, 3)).flatten(2)
    assert bool(((out == 0).all(2) | (out == 2).all(2)).all())
    assert 30 < int((out[..., 0] == 0).sum()) < 98


def test_stochastic_depth_drops_whole_examples():
    torch.manual_seed(0)
    out = StochasticDepth(0.5, "row")(torch.ones(200, 2, 2, 2)).flatten(1)
    assert bool(((out == 0).all(1) | (out == 2).all(1)).all())
    batch = StochasticDepth(0.5, "batch")(torch.ones(20, 3))
    assert len(batch.unique()) == 1


def test_drop_block_drops_squares_and_keeps_the_sum():
    torch.manual_seed(0)
    x = torch.ones(4, 8, 16, 16)
    out = DropBlock2d(0.2, block_size=3)(x)
    assert float(out.mean()) == pytest.approx(1.0, abs=1e-4)
    assert float((out == 0).float().mean()) == pytest.approx(
        float((drop_block2d(x, 0.2, 3) == 0).float().mean()), abs=0.06
    )


def test_drop_connect_drops_weights_and_not_units():
    torch.manual_seed(0)
    layer = DropConnect(6, 4, p=0.5).double()
    x = torch.randn(3, 6, dtype=torch.float64)
    mean = torch.stack([layer(x) for _ in range(4000)]).mean(0)
    expected = layer.eval()(x)
    torch.testing.assert_close(mean, expected, rtol=0.1, atol=0.08)


@pytest.mark.parametrize(
    ("make", "match"),
    [(lambda: StochasticDepth(0.5, "column"), "row"), (lambda: DropBlock2d(block_size=0), "block")],
)
def test_bad_options_are_refused(make, match):
    with pytest.raises(ConfigError, match=match):
        make()
