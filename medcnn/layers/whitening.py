"""Whitening: inputs with zero mean, unit variance and no correlation between features.

Dimension letters: N examples, D features, K components.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medcnn.errors import ConfigError, DataError
from medcnn.layers.example import Example, reference_of
from medcnn.layers.linear import apply_linear
from medcnn.layers.precision import as_autocast


def whitening_matrix(
    covariance_DD: Tensor, kind: str, components: int | None = None, eps: float = 1e-5
) -> Tensor:
    r"""Return the K×D matrix W with :math:`W \Sigma W^\top = I`.

    From :math:`\Sigma = U \Lambda U^\top`, PCA whitening is
    :math:`(\Lambda + \epsilon)^{-1/2} U^\top`, the principal components at unit variance; ZCA turns
    it back, :math:`U (\Lambda + \epsilon)^{-1/2} U^\top`, which of all whitenings stays nearest to
    the input.

    Args:
        covariance_DD: Symmetric positive semi-definite covariance.
        kind: ``pca`` or ``zca``.
        components: Keep only so many leading principal components; None keeps all.
        eps: Added to the variances; damps directions that hardly vary.
    """
    variances, axes = torch.linalg.eigh(covariance_DD)
    variances, axes = variances.flip(0)[:components], axes.flip(1)[:, :components]
    rows = axes.T / torch.sqrt(variances.clamp(min=0) + eps)[:, None]
    matrix: Tensor = axes @ rows if kind == "zca" else rows
    return matrix


class Whitening(nn.Module):
    r"""A fixed affine normaliser, fitted on training data: :math:`y = W (x - \mu)`.

    Its gradient is that of a fully connected layer,
    :math:`\partial L / \partial x = W^\top \delta`.

    Args:
        features: D, the number of values in an example (channels × rows × columns for images).
        kind: ``pca`` gives N×K components; ``zca`` keeps the shape of the input.
        components: How many principal components to use; None means all.
        eps: Added to the variances, in squared units of the input.

    Raises:
        ConfigError: If the kind is unknown, or the layer is used before ``fit``.
    """

    mean: Tensor
    matrix: Tensor
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"features": 5, "kind": "zca"}, (40, 5), (256, 5)),
        Example({"features": 12, "kind": "pca", "components": 4}, (40, 1, 3, 4)),
    )

    def __init__(
        self, features: int, kind: str = "zca", components: int | None = None, eps: float = 1e-5
    ) -> None:
        super().__init__()
        if kind not in ("pca", "zca"):
            raise ConfigError(
                "Unknown kind of whitening.",
                expected="pca or zca",
                found=repr(kind),
                remedy="pca gives components, zca keeps the shape",
            )
        self.features, self.kind, self.components, self.eps = features, kind, components, eps
        self.fitted = False
        rows = components if kind == "pca" and components is not None else features
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("matrix", torch.zeros(rows, features))

    @torch.no_grad()
    def fit(self, batches: Iterable[Tensor]) -> Whitening:
        """Estimate mean and covariance over batches of training data, in float64, in one pass.

        Raises:
            DataError: If there are fewer than two examples.
        """
        count = 0
        mean = torch.zeros(self.features, dtype=torch.float64)
        scatter = torch.zeros(self.features, self.features, dtype=torch.float64)
        for batch in batches:
            x_ND = batch.detach().flatten(1).double().cpu()
            batch_mean = x_ND.mean(0)
            centred = x_ND - batch_mean
            shift, total = batch_mean - mean, count + len(x_ND)
            # Chan et al. 1983: merging centred sums keeps the digits that raw sums cancel.
            scatter += centred.T @ centred + torch.outer(shift, shift) * count * len(x_ND) / total
            mean, count = mean + shift * len(x_ND) / total, total
        if count < 2:
            raise DataError(
                "Whitening cannot be fitted.",
                expected="at least two training examples",
                found=str(count),
                remedy="pass batches of the training split",
            )
        matrix = whitening_matrix(scatter / (count - 1), self.kind, self.components, self.eps)
        self.mean.copy_(mean)
        self.matrix.copy_(matrix)
        self.fitted = True
        return self

    def get_extra_state(self) -> dict[str, Any]:
        """Return what ``state_dict`` keeps beside the buffers."""
        return {"fitted": self.fitted}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take over what ``state_dict`` kept beside the buffers."""
        self.fitted = state["fitted"]

    def affine(self, x_ND: Tensor) -> Tensor:
        """Return N×K values."""
        return apply_linear(as_autocast(x_ND - self.mean), as_autocast(self.matrix), None)

    def forward(self, x: Tensor) -> Tensor:
        """Return whitened examples: N×K for PCA, in the shape of ``x`` for ZCA."""
        if not self.fitted:
            raise ConfigError(
                "The whitening layer has not been fitted.",
                expected="fit(batches) on training data before the first use",
                found="no statistics",
                remedy="call fit with batches of the training split, or load a fitted state",
            )
        y = self.affine(x.flatten(1))
        return y.view(x.shape) if self.kind == "zca" else y


@reference_of(Whitening)
class ComposedWhitening(Whitening):
    """The same map, differentiated by torch's autograd."""

    def affine(self, x_ND: Tensor) -> Tensor:
        """Return N×K values."""
        return F.linear(x_ND, self.matrix, -self.matrix @ self.mean)
