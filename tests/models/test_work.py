"""The work of a network, against published counts and a count of a real pass."""

import pytest

from medcnn.models.classifier import rebuild
from medcnn.models.inventory import take_inventory
from medcnn.models.settings import Model
from medcnn.models.work import multiply_adds


def model(backbone, size, **arguments):
    given = {"backbone": backbone, "image_size": size, **arguments}
    return Model("medcnn.models.build_classifier", given, backbone=backbone)


def test_resnet18_is_as_published():
    # He et al. 2016: 1.814 billion with three channels; the first layer here has one.
    stem = 112 * 112 * 64 * 7 * 7
    assert multiply_adds(model("resnet18", 224), 224) == pytest.approx(1.814e9 - 2 * stem, rel=1e-3)


@pytest.mark.parametrize("backbone", ["tiny_resnet", "mobilenet_v2"])
def test_it_is_what_a_real_pass_does(backbone):
    network = rebuild(model(backbone, 64))
    seen = take_inventory(network, (1, 64, 64), measure=False).multiply_adds
    assert multiply_adds(model(backbone, 64), 64) == seen
