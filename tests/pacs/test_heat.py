"""Heat of several members is the mean of theirs, each explained as it reads the image."""

import cv2
import numpy as np
import torch

from medcnn.calibration.passes import Passes
from medcnn.explanations.explain import explain
from medcnn.inference.loading import load_members
from medcnn.inference.predictor import Predictor
from medcnn.pacs.heat import Heater


def test_heat_of_an_ensemble_is_the_mean_of_its_members(made_run, tmp_path):
    members = load_members(made_run(members=2))
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8)
    cv2.imwrite(str(tmp_path / "image.png"), pixels)
    found = Heater(Predictor(members, Passes()), "grad_cam").of(tmp_path / "image.png")
    image = torch.from_numpy(pixels / np.float32(255))[None, None]
    mean = np.mean([explain(member, image, "grad_cam")[0].numpy() for member in members], axis=0)
    np.testing.assert_allclose(found, mean / mean.max(), atol=1e-6)
