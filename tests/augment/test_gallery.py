from __future__ import annotations

import numpy as np
import pytest

from medcnn.augment import OPERATORS, Augmentation
from medcnn.augment.gallery import gallery
from medcnn.errors import DataError


def test_each_operator_alone_and_some_of_all(images):
    augmentation = Augmentation({"rotation": {"p": 0.0}, "noise": {"p": 0.1}})
    pictures = gallery(augmentation, images[0], seed=0)
    assert [name for name, _ in pictures] == [
        *("original", "rotation", "noise"),
        *("all, draw 1", "all, draw 2", "all, draw 3"),
    ]
    assert np.array_equal(pictures[0][1], images[0])
    # Alone, an operator always acts, whatever its probability.
    assert not np.array_equal(pictures[1][1], images[0])
    assert not np.array_equal(pictures[2][1], images[0])
    assert all(picture.shape == images[0].shape for _, picture in pictures)


def test_every_operator_can_be_shown(images):
    wide = images.astype(np.uint16) * 257
    for given in (images, wide):
        augmentation = Augmentation({name: {} for name in OPERATORS})
        pictures = gallery(augmentation, given[0], seed=1, partner=given[1], draws=1)
        assert len(pictures) == len(OPERATORS) + 2
        for name, picture in pictures[1:]:
            assert picture.dtype == given.dtype
            assert not np.array_equal(picture, given[0]), name


def test_without_a_partner_mixing_is_left_out(images):
    augmentation = Augmentation({"mixup": {"p": 1.0}})
    assert [name for name, _ in gallery(augmentation, images[0], seed=0, draws=1)] == [
        *("original", "all, draw 1")
    ]


def test_no_operators_are_one_picture(images):
    assert len(gallery(Augmentation(), images[0], seed=0)) == 1


@pytest.mark.parametrize("shape", [(4, 8, 8), (8,)])
def test_more_than_one_image_is_refused(shape):
    with pytest.raises(DataError, match="one grey image"):
        gallery(Augmentation(), np.zeros(shape, np.uint8), seed=0)
    with pytest.raises(DataError, match="float64"):
        gallery(Augmentation(), np.zeros((8, 8)), seed=0)
