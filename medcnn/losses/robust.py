"""The objective of the worst group: groups that do badly count more from step to step.

Sagawa, Koh, Hashimoto, Liang: Distributionally robust neural networks for group shifts, ICLR 2020,
arXiv:1911.08731, algorithm 1 and section 3.2. Dimensions: N images, G groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from medcnn.errors import ConfigError, DataError
from medcnn.losses.objective import Objective


class GroupRobust(nn.Module):
    r"""The weighted sum of the mean losses of groups, weighted by exponentiated gradient ascent.

    .. math:: q_g \leftarrow q_g \exp(\eta (\bar L_g + C / \sqrt{n_g})) / Z, \qquad
        L = \sum_g q_g \bar L_g

    over the groups g of the batch; the weight of a group that is not there changes by Z alone. The
    weights are a buffer, so that a checkpoint goes on with them.

    Args:
        objective: The loss of each image, which is also that of validation: the mean over all.
        sizes: Training images of each group.
        step: :math:`\eta`; 0 keeps all groups alike.
        adjustment: C; what a group's training loss is taken for above what it is, as small groups
            generalise worse.

    Raises:
        ConfigError: If the objective has no value an image.
        DataError: If there are fewer than two groups.
    """

    weight: Tensor
    margin: Tensor

    def __init__(
        self,
        objective: Objective,
        sizes: Sequence[int],
        *,
        step: float = 0.01,
        adjustment: float = 0.0,
    ) -> None:
        super().__init__()
        if not objective.has_values:
            raise ConfigError(
                "The loss is of a batch as a whole, and has no value for each group.",
                expected="with robust.by a loss of single images, and no loss.class_weights",
                found=f"{', '.join(objective.terms)}",
                remedy="choose loss=bce or focal; data.balance=weights may weigh the classes",
            )
        if len(sizes) < 2:
            raise DataError(
                "All training images are of one group, so that none can be the worst.",
                expected="robust.by of columns that tell two groups or more apart",
                found=f"{len(sizes)} group of {sum(sizes)} images",
                remedy="set robust.by=[] or name another column",
            )
        self.objective, self.step = objective, step
        self.register_buffer("weight", torch.full((len(sizes),), 1 / len(sizes)))
        margin = adjustment / torch.tensor(sizes, dtype=torch.float32).sqrt()
        self.register_buffer("margin", margin, persistent=False)

    def forward(
        self, logit_N: Tensor, label_N: Tensor, group_N: Tensor | None = None, *, moves: bool = True
    ) -> Tensor:
        """Return the objective of the batch, a scalar.

        Args:
            logit_N: Logits.
            label_N: Labels, may be fractional.
            group_N: Each image's group, from 0; None: the mean over all images, as in validation.
            moves: Whether the batch changes the weights: no when it is evaluated once more.
        """
        if group_N is None:
            mean: Tensor = self.objective(logit_N, label_N)
            return mean
        loss_N = self.objective.of_each(logit_N, label_N)
        n_G = torch.bincount(group_N, minlength=len(self.weight))
        total_G = torch.zeros_like(self.weight).index_add(0, group_N, loss_N.to(self.weight))
        loss_G = total_G / n_G.clip(min=1)
        if moves:
            grown = self.step * (loss_G.detach() + self.margin) * (n_G > 0)
            # By logarithms: an exponential of large losses, steps or margins would be infinite.
            self.weight = torch.softmax(self.weight.log() + grown, 0)
        # A product of vectors would be one of the 16-bit operations of autocast.
        return (loss_G * self.weight).sum()
