import torch

from medcnn.layers.global_pooling import GlobalAvgPool2d, GlobalMaxPool2d


def test_they_are_mean_and_maximum_of_each_map():
    x = torch.randn(3, 4, 5, 6, dtype=torch.float64)
    average, maximum = GlobalAvgPool2d()(x), GlobalMaxPool2d()(x)
    torch.testing.assert_close(average.flatten(), x.mean((2, 3)).flatten())
    torch.testing.assert_close(maximum.flatten(), x.amax((2, 3)).flatten())


def test_the_error_of_the_maximum_goes_to_one_place_only_where_values_tie():
    x = torch.ones(1, 1, 2, 2, requires_grad=True)
    GlobalMaxPool2d()(x).sum().backward()
    assert sorted(x.grad.flatten().tolist()) == [0.0, 0.0, 0.0, 1.0]
