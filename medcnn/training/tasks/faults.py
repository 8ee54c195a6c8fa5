"""Faults of a training in progress."""

from __future__ import annotations

from medcnn.errors import UserError

SPLITS = {"train": "training", "val": "validation"}


class DivergenceError(UserError):
    """The loss is not a number any more.

    Args:
        loss: What it is.
        epoch: From 0.
        batch: From 0; None where it is that of the whole epoch.
        lr: The learning rate at that step.
        split: Whose loss it is, ``train`` or ``val``.
    """

    def __init__(
        self, loss: float, *, epoch: int, batch: int | None, lr: float, split: str = "train"
    ) -> None:
        place = f"epoch {epoch + 1}" + ("" if batch is None else f", batch {batch + 1}")
        super().__init__(
            f"The {SPLITS[split]} loss is {loss} in {place}.",
            expected="a finite number",
            found=f"{loss} at a learning rate of {lr:.3g}",
            remedy=f"try optimizer.lr={lr / 10:.1g} (medcnn lr-find suggests one), a lower "
            "trainer.gradient_clip_val, or trainer.precision=32-true",
        )
