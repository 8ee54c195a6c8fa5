"""The output of a frozen prefix, computed once for each image and kept.

While the first stages are frozen and the images are not augmented, what those stages return never
changes: ten epochs of a linear probe cost little more than one forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

LIMIT_BYTES = 2 * 1024**3


class PrefixMemory:
    """Hidden tensors by image, in memory up to a limit; images beyond it are computed every time.

    Args:
        limit_bytes: Most memory that is taken.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.taken_bytes = 0
        self.computed = 0
        self._kept: dict[str, Tensor] = {}

    def clear(self) -> None:
        """Forget everything, because the prefix has changed."""
        self._kept.clear()
        self.taken_bytes = 0

    def take(
        self,
        image_ids: Sequence[str],
        image_N1HW: Tensor,
        prefix: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Return what the prefix makes of the images, computing only those that are not kept.

        Args:
            image_ids: Identifier of each image.
            image_N1HW: The images.
            prefix: The frozen stages, in evaluation mode.
        """
        unknown = [row for row, name in enumerate(image_ids) if name not in self._kept]
        fresh: dict[str, Tensor] = {}
        if unknown:
            with torch.no_grad():
                hidden = prefix(image_N1HW[unknown])
            self.computed += len(unknown)
            fresh = {image_ids[row]: one for row, one in zip(unknown, hidden, strict=True)}
            for name, one in fresh.items():
                self._keep(name, one)
        return torch.stack(
            [
                self._kept[name].to(image_N1HW.device) if name in self._kept else fresh[name]
                for name in image_ids
            ]
        )

    def _keep(self, name: str, hidden: Tensor) -> None:
        size = hidden.numel() * hidden.element_size()
        if self.taken_bytes + size <= self.limit_bytes:
            self._kept[name] = hidden.clone()
            self.taken_bytes += size
