"""Small classifiers with one stochastic layer each."""

import pytest
import torch
from torch import nn

from medcnn.models.classifier import Classifier
from medcnn.models.stages import Backbone, GlobalAverage
from medcnn.models.weights import WeightsOrigin


def classifier(layer=None, *, dropout=0.0, size=12, channels=6, after=None):
    """Return a network of two stages, with a layer at the end of the second."""
    torch.manual_seed(1)
    body = nn.ModuleDict(
        {
            "one": nn.Sequential(
                nn.Conv2d(1, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
            ),
            "two": nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1), layer or nn.Identity()
            ),
        }
    )
    backbone = Backbone(
        "small",
        body,
        stages=[("one", body["one"]), ("two", body["two"])],
        pool=nn.Sequential(GlobalAverage(), after or nn.Identity()),
        feature_dim=channels,
    )
    if after is not None:
        body["after"] = after
    network = Classifier(
        backbone, dropout=dropout, weights_origin=WeightsOrigin("none", "random"), image_size=size
    )
    return network.eval()


@pytest.fixture
def make_classifier():
    return classifier
