import hypothesis.strategies as st
import torch
from hypothesis import given, settings
from torch import nn

from medcnn.layers.linear import Linear


@settings(max_examples=20, deadline=None)
@given(
    lead=st.lists(st.integers(1, 4), min_size=0, max_size=3), inputs=st.integers(1, 5),
    outputs=st.integers(1, 5), bias=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_any_leading_dimensions(lead, inputs, outputs, bias, seed):
    torch.manual_seed(seed)
    ours, theirs = (found(inputs, outputs, bias=bias).double() for found in (Linear, nn.Linear))
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(*lead, inputs, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


def test_the_layer_may_be_differentiated_twice():
    layer = Linear(3, 2).double()
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, (x,))
