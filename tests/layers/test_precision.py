import pytest
import torch

from medcnn.layers.precision import as_autocast, widened


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_and_the_rest_is_the_tensor_itself(dtype):
    x = torch.randn(5).to(dtype)
    assert widened(x).dtype == torch.float32
    assert torch.equal(widened(x).to(dtype), x)
    for whole in (torch.randn(2), torch.randn(2).double()):
        assert widened(whole) is whole


def test_operands_are_cast_as_torch_casts_those_of_its_own():
    x, weight = torch.randn(2, 3), torch.randn(4, 3)
    assert as_autocast(x) is x
    with torch.autocast("cpu", torch.bfloat16):
        theirs = torch.nn.functional.linear(x, weight)
        ours = as_autocast(x) @ as_autocast(weight).T
        assert as_autocast(x.double()).dtype == torch.float64
        assert torch.nn.functional.linear(x.double(), weight.double()).dtype == torch.float64
    assert torch.equal(ours, theirs)
