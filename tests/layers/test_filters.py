import numpy as np
import pytest
import torch
from scipy import ndimage

from medcnn.errors import ConfigError
from medcnn.layers.filters import FILTERS, FilterBank, kernel


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_each_filter_is_scipys_correlation(name):
    image = torch.rand(1, 1, 9, 7, dtype=torch.float64)
    ours = FilterBank([name]).double()(image)[0, 0].numpy()
    expected = ndimage.correlate(image[0, 0].numpy(), kernel(name).double().numpy(), mode="nearest")
    assert np.allclose(ours, expected, atol=1e-7)


def test_sobel_is_scipys():
    image = torch.rand(1, 1, 8, 8, dtype=torch.float64)
    ours = FilterBank(["sobel_vertical", "sobel_horizontal"]).double()(image)[0].numpy()
    for found, axis in zip(ours, (1, 0), strict=True):
        assert np.allclose(found, ndimage.sobel(image[0, 0].numpy(), axis=axis, mode="nearest"))


def test_every_channel_goes_through_every_filter():
    bank = FilterBank(["identity", "box_blur"], in_channels=3)
    out = bank(torch.rand(2, 3, 5, 5))
    assert out.shape == (2, 6, 5, 5)
    assert bank.out_channels == 6
    assert not list(bank.parameters())


def test_a_flat_image_has_no_edges_even_at_the_border():
    out = FilterBank(["sobel_vertical", "laplacian", "edge_diagonal"])(
        torch.full((1, 1, 6, 6), 0.7)
    )
    assert float(out.abs().max()) < 1e-6


def test_an_unknown_filter_is_named():
    with pytest.raises(ConfigError, match="sobel_vertical"):
        FilterBank(["sobel_vertcal"])
