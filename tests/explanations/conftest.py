"""Small networks whose explanations are known."""

from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.judgement import Judgement
from medcnn.data.manifest import build_manifest
from medcnn.data.settings import Data
from medcnn.explanations.bench import prepare
from medcnn.explanations.marker import burn_in
from medcnn.explanations.settings import Explain
from medcnn.inference.loading import TrainedModel
from medcnn.inference.settings import RunSettings
from medcnn.metrics.thresholds import Threshold
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
    return as_model(build_classifier("tiny_resnet", weights="none", image_size=32, widths=[8, 16]))


@pytest.fixture
def image():
    return torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def gap():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(inplace=True))
    return as_model(gap_network(body, 6))


def square_seeker():
    """Return a network whose logit rises with the area of bright squares, and nothing else."""
    body = nn.Conv2d(1, 1, 5, padding=2, bias=False)
    nn.init.constant_(body.weight, 1 / 25)
    network = gap_network(nn.Sequential(body, nn.Threshold(0.7, 0.0)), 1)
    nn.init.constant_(network.linear.weight, 200.0)
    nn.init.constant_(network.linear.bias, -3.0)
    return network


def write_films(folder, n=24, side=208):
    """Write soft films, every other one with a bright square and its mask, and return their rows.

    Two films of a patient; every third has a burned-in letter.
    """
    rng = np.random.default_rng(0)
    rows = []
    for number in range(n):
        soft = cv2.GaussianBlur(rng.random((side, side)).astype(np.float32), (0, 0), 10)
        film = 0.3 + (soft - soft.mean())
        mask = np.zeros((side, side), np.uint8)
        if number % 2:
            top, left = rng.integers(70, 130, 2)
            mask[top : top + 48, left : left + 48] = 1
            film[mask > 0] = 0.95
            cv2.imwrite(str(folder / f"{number}_mask.png"), mask)
        if number % 3 == 0:
            film = film + burn_in(film, "R", side).difference
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), np.clip(film * 255, 0, 255).astype(np.uint8))
        rows.append(
            {
                "image_id": f"film/{number}",
                "path": str(path),
                "label": number % 2,
                "patient_id": f"P{number // 4}",
                "split": "test",
                "finding": ["", "square", "", "square|large"][number % 4],
                "mask_path": str(folder / f"{number}_mask.png") if number % 2 else "",
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return build_manifest(write_films(tmp_path_factory.mktemp("films")), source="films")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained model that seeks squares in films of 32 pixels."""
    cache = str(tmp_path_factory.mktemp("cache"))
    return TrainedModel(
        square_seeker(),
        pixel_mean=0.0,
        pixel_std=1.0,
        judgement=Judgement.of_one(
            Calibrator("temperature", (1.0,)), Threshold(0.5, "fixed", "none")
        ),
        settings=RunSettings(data=Data(image_size=32, cache_dir=cache)),
        sha256="0" * 64,
    )


@pytest.fixture(scope="module")
def bench(trained, films):
    options = Explain(method=("grad_cam",), images=10, sanity=4, marker=4, steps=8, shown=3)
    return prepare(trained, films, options)
