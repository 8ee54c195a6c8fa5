import pytest
import torch

from medcnn.layers.normalization import GroupNorm, InstanceNorm2d, LayerNorm


def test_layer_norm_standardises_each_example():
    out = LayerNorm(6, elementwise_affine=False).double()(
        torch.randn(4, 6, dtype=torch.float64) * 5 + 3
    )
    torch.testing.assert_close(out.mean(1), torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(
        out.var(1, correction=0), torch.ones(4, dtype=torch.float64), rtol=1e-4, atol=0
    )


def test_instance_norm_is_group_norm_with_a_group_a_channel():
    x = torch.randn(3, 4, 5, 5, dtype=torch.float64)
    ours = InstanceNorm2d(4).double()(x)
    torch.testing.assert_close(ours, GroupNorm(4, 4, affine=False).double()(x))


def test_one_example_does_not_change_another():
    layer = GroupNorm(2, 4).double()
    x = torch.randn(3, 4, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(layer(x)[:1], layer(x[:1]))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(RuntimeError, match="normalized_shape"):
        LayerNorm(6)(torch.zeros(2, 5))
