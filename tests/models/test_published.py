import pytest

from medcnn.errors import WeightsError
from medcnn.models.published import published_weights


def test_medcnns_own_networks_have_none():
    with pytest.raises(WeightsError, match=r"no weights of tiny_resnet(.|\n)*model.weights=none"):
        published_weights("tiny_resnet", "pretrained", 64)


def test_chest_networks_have_none_of_imagenet():
    with pytest.raises(WeightsError, match=r"no ImageNet weights(.|\n)*model.weights=pretrained"):
        published_weights("xrv:resnet50-res512-all", "imagenet", 512)
