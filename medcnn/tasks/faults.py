"""Faults of a training in progress."""

from __future__ import annotations

from medcnn.errors import UserError


class DivergenceError(UserError):
    """The training loss is not a number any more.

    Args:
        loss: What it is.
        epoch: From 0.
        batch: From 0.
        lr: The learning rate at that step.
    """

    def __init__(self, loss: float, *, epoch: int, batch: int, lr: float) -> None:
        super().__init__(
            f"The training loss is {loss} in epoch {epoch + 1}, batch {batch + 1}.",
            expected="a finite number",
            found=f"{loss} at a learning rate of {lr:.3g}",
            remedy=f"try optimizer.lr={lr / 10:.1g} (medcnn lr-find suggests one), a lower "
            "trainer.gradient_clip_val, or trainer.precision=32-true",
        )
