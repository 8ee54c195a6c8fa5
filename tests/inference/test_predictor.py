"""One predictor for members, views and passes, against doing each by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from medcnn.augment.views import views
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.passes import Passes
from medcnn.data.settings import Data
from medcnn.inference.loading import TrainedModel
from medcnn.inference.predictor import Predictor, mask_keys
from medcnn.inference.settings import RunSettings
from medcnn.metrics.thresholds import Threshold


def member(network, mean=0.4, std=0.2, temperature=2.0, size=12):
    return TrainedModel(
        network,
        pixel_mean=mean,
        pixel_std=std,
        judgement=Judgement.of_one(
            Calibrator("temperature", (temperature,)), Threshold(0.5, "youden")
        ),
        settings=RunSettings(data=Data(image_size=size)),
        sha256="",
    )


@pytest.fixture
def members(make_classifier):
    first = member(make_classifier(dropout=0.3))
    second = member(make_classifier(nn.Dropout(0.2), channels=4, size=8), 0.6, 0.1, 0.5, size=8)
    return [first, second]


def images(n=6, size=12):
    return torch.rand(n, 1, size, size, generator=torch.Generator().manual_seed(0))


def test_members_views_and_passes_have_an_axis_each(members):
    found = Predictor(members, Passes(tta="light", mc_samples=4)).logits(images())
    assert found.shape == (2, 5, 4, 6)


def test_members_keep_their_own_size_and_normalisation(members):
    image = images()
    found = Predictor(members, Passes()).logits(image)
    small = nn.functional.interpolate(image, (8, 8), mode="bilinear", antialias=True)
    with torch.inference_mode():
        first = members[0].network((image - 0.4) / 0.2).numpy()
        second = members[1].network((small - 0.6) / 0.1).numpy()
    np.testing.assert_allclose(found[:, 0, 0], [first, second], rtol=1e-5)
    assert Predictor(members, Passes()).image_size == 12


def test_views_are_those_of_the_augmentation_operators(members):
    image = images()
    found = Predictor(members[:1], Passes(tta="flips")).logits(image)
    mirrored = Predictor(members[:1], Passes()).logits(image.flip(-1))
    assert [view.name for view in views("flips")] == ["original", "mirrored"]
    np.testing.assert_allclose(found[:, 1], mirrored[:, 0], rtol=1e-5)


def test_an_image_gets_the_same_masks_in_any_batch_and_order(members):
    predictor, image = Predictor(members, Passes(tta="flips", mc_samples=3)), images()
    found = predictor.logits(image)
    order = [4, 2]
    np.testing.assert_allclose(predictor.logits(image[order]), found[..., order], rtol=1e-5)
    assert len(set(mask_keys(image))) == 6
    assert mask_keys(image[order]) == [mask_keys(image)[row] for row in order]


def test_features_of_the_first_member_are_kept_for_the_detector(members):
    with torch.inference_mode():
        expected = members[0].network.features(members[0].normalize(images()))
    for passes in (Passes(), Passes(mc_samples=3), Passes(tta="flips")):
        predictor = Predictor(members, passes)
        predictor.logits(images())
        torch.testing.assert_close(predictor.features_ND, expected)
    early = Predictor(members[1:], Passes(mc_samples=3))
    early.logits(images())
    assert early.features_ND is None


def test_injected_dropout_is_told_once(make_classifier):
    plain = [member(make_classifier()), member(make_classifier())]
    predictor = Predictor(plain, Passes(mc_samples=3, inject="head", p=0.1))
    assert len(predictor.notes) == 1
    assert "p = 0.1" in predictor.notes[0]
