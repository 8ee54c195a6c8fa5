from __future__ import annotations

import numpy as np

from medcnn.reporting.figures.gallery import picture_grid


def test_pictures_stand_in_rows_with_their_names():
    pictures = [(f"number {i}", np.full((4, 4), i, np.uint8)) for i in range(7)]
    figure = picture_grid(pictures, columns=3)
    assert len(figure.axes) == 9
    assert [axes.get_title() for axes in figure.axes[:7]] == [name for name, _ in pictures]
    assert [len(axes.images) for axes in figure.axes] == [1] * 7 + [0] * 2


def test_grey_levels_are_comparable_between_pictures():
    wide = np.full((4, 4), 30_000, np.uint16)
    figure = picture_grid([("a", wide), ("b", wide // 2)])
    assert [axes.images[0].get_clim() for axes in figure.axes] == [(0, 65535)] * 2
