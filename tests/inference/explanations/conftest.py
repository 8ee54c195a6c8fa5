"""Small networks whose explanations are known."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from medcnn.models import build_classifier
from medcnn.models.classifier import Classifier
from medcnn.models.stages import Backbone, GlobalAverage, chain
from medcnn.models.weights import WeightsOrigin


def as_model(network, normalize=lambda image: image):
    """Return a network as ``explain`` takes it, with images that need no normalisation."""
    return SimpleNamespace(network=network.eval(), normalize=normalize)


def gap_network(body, width, layout="NCHW"):
    """Return a classifier of one convolutional stage, global average pooling and a linear head."""
    backbone = Backbone(
        "test", body, stages=[("layer1", chain(body=body))], pool=GlobalAverage(), feature_dim=width
    )
    return Classifier(backbone, dropout=0.5, weights_origin=WeightsOrigin("none", "random"))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return as_model(build_classifier("tiny_resnet", weights="none", image_size=32, widths=[4, 8]))


@pytest.fixture
def image():
    return torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def gap():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(inplace=True))
    return as_model(gap_network(body, 6))
