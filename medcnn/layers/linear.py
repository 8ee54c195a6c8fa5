"""The fully connected layer.

Dimension letters: N examples, I inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.autograd import Function

from medcnn.layers.example import Example
from medcnn.layers.precision import as_autocast


class LinearFunction(Function):
    r"""The affine map of every unit and its gradient.

    .. math:: y_{no} = \sum_i x_{ni} w_{oi} + b_o

    With :math:`\delta_{no} = \partial L / \partial y_{no}` the chain rule gives

    .. math::
        \frac{\partial L}{\partial x_{ni}} = \sum_o \delta_{no} w_{oi}, \qquad
        \frac{\partial L}{\partial w_{oi}} = \sum_n \delta_{no} x_{ni}, \qquad
        \frac{\partial L}{\partial b_o} = \sum_n \delta_{no},

    that is :math:`\delta W`, :math:`\delta^\top x` and the column sums of :math:`\delta`.
    The backward uses only its inputs and may be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x_NI: Tensor, weight_OI: Tensor, bias_O: Tensor | None) -> Tensor:
        """Return the N×O outputs."""
        ctx.save_for_backward(x_NI, weight_OI)
        y_NO = x_NI @ weight_OI.T
        return y_NO if bias_O is None else y_NO.add_(bias_O)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the input, the weight and the bias."""
        (delta_NO,) = grad_outputs
        x_NI, weight_OI = ctx.saved_tensors
        dx = delta_NO @ weight_OI if ctx.needs_input_grad[0] else None
        dweight = delta_NO.T @ x_NI if ctx.needs_input_grad[1] else None
        dbias = delta_NO.sum(0) if ctx.needs_input_grad[2] else None
        return dx, dweight, dbias


apply_linear: Callable[[Tensor, Tensor, Tensor | None], Tensor] = LinearFunction.apply


class Linear(nn.Linear):
    """``torch.nn.Linear`` with the written gradient: same options, initialisation and state."""

    reference = nn.Linear
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"in_features": 5, "out_features": 3}, (4, 5), (64, 5)),
        Example({"in_features": 5, "out_features": 3, "bias": False}, (2, 3, 5)),
    )

    def forward(self, input: Tensor) -> Tensor:
        """Return the outputs for any leading shape; the last dimension holds the inputs."""
        x = as_autocast(input)
        bias = None if self.bias is None else as_autocast(self.bias)
        flat = apply_linear(x.reshape(-1, x.shape[-1]), as_autocast(self.weight), bias)
        return flat.reshape(*x.shape[:-1], self.out_features)
