import numpy as np
import pytest
import torch
from scipy import special

from medcnn.layers.activations import GELU, ArcTan, BinaryStep, Logistic, SiLU, SoftPlus, Tanh

GRID = torch.linspace(-60, 60, 241, dtype=torch.float64)


@pytest.mark.parametrize(
    ("layer", "formula"),
    [
        (Logistic(), special.expit),
        (Tanh(), np.tanh),
        (ArcTan(), np.arctan),
        (SoftPlus(), lambda x: np.logaddexp(0, x)),
        (GELU(), lambda x: x * special.ndtr(x)),
        (SiLU(), lambda x: x * special.expit(x)),
    ],
)
def test_each_is_its_formula_far_out_too(layer, formula):
    # torch's SoftPlus is linear above 20, which is 2e-9 off the formula.
    assert np.allclose(layer(GRID).numpy(), formula(GRID.numpy()), rtol=0, atol=3e-9)


@pytest.mark.parametrize("layer", [Logistic(), Tanh(), ArcTan(), SoftPlus(), GELU(), SiLU()])
def test_gradients_stay_finite_far_out(layer):
    x = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], requires_grad=True)
    layer(x).sum().backward()
    assert bool(torch.isfinite(x.grad).all())


def test_the_step_passes_the_error_straight_through():
    x = torch.tensor([-0.5, 0.5, 2.0], requires_grad=True)
    out = BinaryStep()(x)
    assert out.tolist() == [0.0, 1.0, 1.0]
    out.backward(torch.tensor([1.0, 2.0, 3.0]))
    expected = torch.zeros(3)
    leaf = x.detach().requires_grad_()
    BinaryStep().surrogate(leaf).backward(torch.tensor([1.0, 2.0, 3.0]))
    expected = leaf.grad
    assert torch.equal(x.grad, expected)
    assert bool((x.grad != 0).any())
