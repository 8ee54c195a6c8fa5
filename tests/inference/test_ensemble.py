"""One predictor for members, views and passes, against doing each by hand."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import entropy
from torch import nn

from medcnn.augment.views import views
from medcnn.calibration import Calibrator
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.passes import Passes
from medcnn.data.settings import Data
from medcnn.errors import DataError
from medcnn.inference.ensemble import (
    Predictor,
    decompose,
    fit_judgement,
    judge,
    mask_keys,
)
from medcnn.inference.loading import TrainedModel
from medcnn.inference.settings import RunSettings
from medcnn.metrics.thresholds import Threshold


def member(network, mean=0.4, std=0.2, temperature=2.0, size=12):
    return TrainedModel(
        network,
        pixel_mean=mean,
        pixel_std=std,
        calibrator=Calibrator("temperature", (temperature,)),
        threshold=Threshold(0.5, "youden"),
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
    found = Predictor(members, Passes(tta="light", mc_samples=4)).probabilities(images())
    assert found.shape == (2, 5, 4, 6)
    assert ((found > 0) & (found < 1)).all()


def test_members_keep_their_own_size_normalisation_and_calibration(members):
    image = images()
    found = Predictor(members, Passes()).probabilities(image)
    small = nn.functional.interpolate(image, (8, 8), mode="bilinear", antialias=True)
    with torch.inference_mode():
        first = members[0].network((image - 0.4) / 0.2).numpy() / 2.0
        second = members[1].network((small - 0.6) / 0.1).numpy() / 0.5
    np.testing.assert_allclose(found[:, 0, 0], expit([first, second]), rtol=1e-5)
    assert Predictor(members, Passes()).image_size == 12


def test_views_are_those_of_the_augmentation_operators(members):
    image = images()
    found = Predictor(members[:1], Passes(tta="flips")).probabilities(image)
    mirrored = Predictor(members[:1], Passes()).probabilities(image.flip(-1))
    assert [view.name for view in views("flips")] == ["original", "mirrored"]
    np.testing.assert_allclose(found[:, 1], mirrored[:, 0], rtol=1e-5)


def test_an_image_gets_the_same_masks_in_any_batch_and_order(members):
    predictor, image = Predictor(members, Passes(tta="flips", mc_samples=3)), images()
    found = predictor.probabilities(image)
    order = [4, 2]
    np.testing.assert_allclose(predictor.probabilities(image[order]), found[..., order], rtol=1e-5)
    assert len(mask_keys(image).unique()) == 6
    assert torch.equal(mask_keys(image[order]), mask_keys(image)[order])


def test_features_of_the_first_member_are_kept_for_the_detector(members):
    with torch.inference_mode():
        expected = members[0].network.features(members[0].normalize(images()))
    for passes in (Passes(), Passes(mc_samples=3), Passes(tta="flips")):
        predictor = Predictor(members, passes)
        predictor.probabilities(images())
        torch.testing.assert_close(predictor.features_ND, expected)
    early = Predictor(members[1:], Passes(mc_samples=3))
    early.probabilities(images())
    assert early.features_ND is None


def test_injected_dropout_is_told_once(make_classifier):
    plain = [member(make_classifier()), member(make_classifier())]
    predictor = Predictor(plain, Passes(mc_samples=3, inject="head", p=0.1))
    assert len(predictor.notes) == 1
    assert "p = 0.1" in predictor.notes[0]


def test_the_parts_of_uncertainty_on_closed_forms():
    p = np.array([[0.0, 0.5, 0.2], [1.0, 0.5, 0.2]])
    found = decompose(p)
    np.testing.assert_allclose(found["entropy"], [np.log(2), np.log(2), entropy([0.2, 0.8])])
    np.testing.assert_allclose(found["expected_entropy"], [0, np.log(2), entropy([0.2, 0.8])])
    np.testing.assert_allclose(found["mutual_information"], [np.log(2), 0, 0], atol=1e-15)
    np.testing.assert_allclose(found["std"], [0.5, 0, 0])
    np.testing.assert_allclose(found["variation_ratio"], [0.5, 0, 0])
    assert list(decompose(p[:1])) == ["entropy"]


def test_the_parts_sum_whatever_the_axes():
    p = np.random.default_rng(0).random((12, 50))
    found = decompose(p)
    np.testing.assert_allclose(
        found["entropy"], found["expected_entropy"] + found["mutual_information"]
    )
    expected = entropy(np.stack([p, 1 - p]), axis=0).mean(0)
    np.testing.assert_allclose(found["expected_entropy"], expected)
    assert (found["mutual_information"] >= 0).all()


def made(asked, seed=0, members=3, seen=2, samples=2, n=300):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    score = 3 * (label - 0.5) + rng.normal(0, 1, (members, seen, samples, n))
    p = expit(score)
    return p, label, fit_judgement(asked, p, label, calibration="platt", rule="youden")


@pytest.mark.parametrize("merge", ["mean", "geometric", "max", "weighted"])
@pytest.mark.parametrize("vote", ["soft", "logit", "hard", "rank", "weighted", "greedy", "stacked"])
def test_a_judgement_is_the_same_after_it_was_saved(vote, merge, tmp_path):
    p, _, judgement = made(Passes(vote=vote, merge=merge, tta="flips", mc_samples=2))
    judgement.save(tmp_path / "judgement.json")
    again = Judgement.load(tmp_path / "judgement.json")
    assert again == judgement
    assert judge(p, again).equals(judge(p, judgement))


def test_the_columns_of_a_table(tmp_path):
    p, label, judgement = made(Passes(tta="flips", mc_samples=2))
    table = judge(p, judgement)
    assert {"logit", "p_abnormal", "tta_std", "member_0", "member_2", "std"} <= set(table)
    np.testing.assert_allclose(table["member_1"], p[1].mean((0, 1)))
    np.testing.assert_allclose(table["tta_std"], p.mean((0, 2)).std(0))
    np.testing.assert_allclose(expit(table["logit"]), p.mean((0, 1, 2)))
    assert judgement.threshold.chosen_from(label, table["p_abnormal"].to_numpy())


def test_a_broken_record_is_refused(tmp_path):
    (tmp_path / "judgement.json").write_text("{}")
    with pytest.raises(DataError, match="cannot be read"):
        Judgement.load(tmp_path / "judgement.json")
