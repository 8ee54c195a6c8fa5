import pytest
import torch
from torch import nn

from medcnn.explanations.attribution import blurred, integrated_gradients, occlusion


def test_integrated_gradients_sum_to_the_difference_of_the_logits(model, image):
    network = model.network
    found = integrated_gradients(network, image, steps=200)
    with torch.no_grad():
        difference = network(image) - network(torch.zeros_like(image))
    torch.testing.assert_close(found.sum((1, 2)), difference, rtol=0.02, atol=1e-3)


def test_integrated_gradients_of_a_linear_network_are_weight_times_pixel():
    weight = torch.randn(8, 8)
    image = torch.rand(2, 1, 8, 8)
    found = integrated_gradients(lambda x: (x[:, 0] * weight).sum((1, 2)), image)
    torch.testing.assert_close(found, weight * image[:, 0])


def test_many_images_at_once_are_explained_one_by_one(model, image):
    whole = integrated_gradients(model.network, image)
    torch.testing.assert_close(whole[:1], integrated_gradients(model.network, image[:1]))


def test_occlusion_finds_the_only_place_that_a_network_reads():
    image = torch.zeros(1, 1, 32, 32)
    image[0, 0, 18:22, 8:12] = 1.0
    found = occlusion(lambda x: x[:, 0, 16:24, 6:14].amax((1, 2)), image, window=4)
    row, column = divmod(int(found[0].argmax()), 32)
    assert 16 <= row < 24 and 6 <= column < 14
    outside = found.clone()
    outside[:, 14:26, 4:16] = 0
    # Of the four windows over a pixel one takes the whole square away, and most of its brightness.
    assert found.max() > 0.5 / 4 and outside.abs().max() < 1e-6


def test_occlusion_of_a_linear_network_is_what_the_window_takes_away():
    # With a stride of a whole window each pixel lies in one window; here they overlap by half, and
    # captum takes the mean of those over it.
    image = torch.rand(1, 1, 8, 8)
    found = occlusion(lambda x: x.sum((1, 2, 3)), image, window=2)
    lost = (image - blurred(image))[0, 0]
    sums = nn.functional.conv2d(lost[None, None], torch.ones(1, 1, 2, 2))[0, 0]
    torch.testing.assert_close(found[0, 3, 5], sums[2:4, 4:6].mean(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("side", [8, 28, 64])
def test_blurring_keeps_the_grey_and_takes_the_detail(side):
    even = torch.full((1, 1, side, side), 0.3)
    torch.testing.assert_close(blurred(even), even)
    dots = torch.zeros(1, 1, side, side)
    dots[..., ::2, ::2] = 1.0
    assert blurred(dots).std() < 0.5 * dots.std()
