import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.layers.fractional_pooling import FractionalMaxPool2d


def test_the_output_has_the_asked_size_or_ratio():
    x = torch.randn(2, 3, 11, 9)
    assert FractionalMaxPool2d(2, output_size=(5, 4))(x).shape == (2, 3, 5, 4)
    assert FractionalMaxPool2d(2, output_ratio=0.7)(x).shape == (2, 3, 7, 6)


def test_every_output_is_a_value_of_the_input_and_gets_its_error_back():
    torch.manual_seed(0)
    x = torch.randn(1, 1, 8, 8, requires_grad=True)
    out = FractionalMaxPool2d(2, output_size=5)(x)
    assert set(out.flatten().tolist()) <= set(x.flatten().tolist())
    out.sum().backward()
    assert float(x.grad.sum()) == 25.0


@pytest.mark.parametrize(
    "options", [{}, {"output_size": 3, "output_ratio": 0.5}, {"output_ratio": 1.5}]
)
def test_size_and_ratio_have_to_make_sense(options):
    with pytest.raises(ConfigError, match="output"):
        FractionalMaxPool2d(2, **options)
