"""Operators that bend the image: what no 3×3 matrix can say.

They act on the coordinates of the result, before the matrices: elastic displacement first, then
the lens. Dimensions: N images, H×W pixels, G×G cells of a coarse grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medcnn.augment.operator import Operator, Range, Values, drawn, number, whole


@dataclass(kw_only=True)
class Elastic(Operator):
    """Displace smoothly: random vectors on a coarse grid, enlarged by bicubic interpolation.

    Simard et al., Best practices for convolutional neural networks, ICDAR 2003, with the coarse
    grid in the place of their Gaussian smoothing.

    Args:
        displacement: Standard deviation of a displacement as a fraction of the side, in [0, 0.1].
        cells: Grid points along each side, 3 to 16: more of them, finer waves.
    """

    displacement: float = number(0.01, 0, 0.1)
    cells: int = whole(5, 3, 16)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw displacements along x and y as fractions of the sides, N×2×G×G."""
        field = rng.standard_normal((n, 2, self.cells, self.cells))
        return {"field": np.clip(self.displacement * field, -0.25, 0.25)}


@dataclass(kw_only=True)
class Lens(Operator):
    """Bend radially: at distance r of the half diagonal, the source is found at r (1 + k r²).

    Args:
        k: Largest coefficient, or ``(low, high)``; positive is a barrel, negative a pincushion.
    """

    k: Range = drawn(0.1, -0.3, 1)
