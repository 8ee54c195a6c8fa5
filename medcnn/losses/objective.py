"""The objective: one loss by name, or a weighted mixture, as one number a batch.

Dimensions: N images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from medcnn.errors import ConfigError
from medcnn.losses import functional, ranking
from medcnn.losses.names import Term, check_loss, read_terms

Loss = Callable[[Tensor, Tensor], Tensor]
BATCHWISE = ("auc_margin",)
"""Losses of a batch as a whole, which have no value an image and so take no weights."""


class Objective(nn.Module):
    r"""A weighted sum of losses, each averaged over the batch.

    With weights of the classes an image counts :math:`(1 - y) w_0 L(z, 0) + y w_1 L(z, 1)`.
    ``class_weights`` divides the sum by that of the weights, as weighted cross-entropy does in
    ``torch.nn.CrossEntropyLoss``; ``positive_weight`` (:math:`w_0 = 1`) divides by N, as in
    ``torch.nn.BCEWithLogitsLoss``.

    Args:
        name: The loss, one of ``medcnn.losses.names.LOSSES``.
        terms: Instead of ``name``, for each loss its weight, or ``weight`` and options.
        label_smoothing: Moves the targets this far towards 1/2, in [0, 1).
        positive_weight: Weight of the abnormal class beside 1 of the normal one; None: 1.
        class_weights: Weights of normal and abnormal; None: equal.
        options: Of the loss ``name``.

    Raises:
        ConfigError: If a name or an option does not exist, or a value is out of range.
    """

    def __init__(
        self,
        name: str | None = "bce",
        *,
        terms: Mapping[str, Term] | None = None,
        label_smoothing: float = 0.0,
        positive_weight: float | None = None,
        class_weights: list[float] | None = None,
        **options: float | None,
    ) -> None:
        super().__init__()
        check_loss({"name": name, "terms": terms, "label_smoothing": label_smoothing, **options})
        read = read_terms(name, terms)
        if name in read:
            read |= read_terms(None, {str(name): {**options, **read[str(name)]}})
        self.terms = {term: (own.pop("weight"), _loss(term, own)) for term, own in read.items()}
        self.label_smoothing = label_smoothing
        self.weights = _weights(positive_weight, class_weights)
        self.normalised = class_weights is not None
        if self.weights is not None and not set(self.terms) - set(BATCHWISE):
            raise ConfigError(
                "The AUC-margin loss takes no weights of classes.",
                expected="equal weights: it weighs both classes the same already",
                found=f"weights {self.weights}",
                remedy="set data.balance=none, or add a loss that has weights",
            )

    def forward(self, logit_N: Tensor, label_N: Tensor) -> Tensor:
        """Return the objective of the batch, a scalar; labels may be fractional."""
        total = logit_N.new_zeros(())
        for weight, value in self._values(logit_N, label_N):
            total = total + weight * value.mean()
        return total

    @property
    def has_values(self) -> bool:
        """Whether each image has a value of its own."""
        return not self.normalised and not set(self.terms) & set(BATCHWISE)

    def of_each(self, logit_N: Tensor, label_N: Tensor) -> Tensor:
        """Return the value of each image, N, where ``has_values``; their mean is the objective."""
        values = [weight * value for weight, value in self._values(logit_N, label_N)]
        return torch.stack(values).sum(0)

    def _values(self, logit_N: Tensor, label_N: Tensor) -> Iterator[tuple[float, Tensor]]:
        target_N = label_N * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        for term, (weight, loss) in self.terms.items():
            batchwise = self.weights is None or term in BATCHWISE
            value = loss(logit_N, target_N) if batchwise else self._weigh(loss, logit_N, target_N)
            yield weight, value

    def _weigh(self, loss: Loss, logit_N: Tensor, target_N: Tensor) -> Tensor:
        normal, abnormal = self.weights or (1.0, 1.0)
        loss_N = normal * (1 - target_N) * loss(logit_N, torch.zeros_like(target_N))
        loss_N = loss_N + abnormal * target_N * loss(logit_N, torch.ones_like(target_N))
        if self.normalised:
            return loss_N / (normal * (1 - target_N) + abnormal * target_N).mean()
        return loss_N


def _loss(name: str, options: Mapping[str, float | None]) -> Loss:
    home = ranking if name in BATCHWISE else functional
    return partial(getattr(home, name), **options)


def _weights(positive: float | None, classes: list[float] | None) -> tuple[float, float] | None:
    if positive is None and classes is None:
        return None
    pair = [1.0, positive or 0.0] if classes is None else list(classes)
    fits = len(pair) == 2 and all(isinstance(weight, (int, float)) for weight in pair)
    if (positive is not None and classes is not None) or not fits or min(pair) <= 0:
        raise ConfigError(
            "The weights of the classes do not fit.",
            expected="either positive_weight or two class_weights, above 0",
            found=f"positive_weight={positive}, class_weights={classes}",
        )
    return float(pair[0]), float(pair[1])
