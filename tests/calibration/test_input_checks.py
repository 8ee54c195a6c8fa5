from types import SimpleNamespace

import numpy as np
import pytest
from skimage.transform import resize_local_mean

from medcnn.calibration.input_checks import (
    STATISTICS,
    InputReference,
    fact_reasons,
    fit_input_reference,
    pixel_reasons,
    statistics,
    thumbnails,
)
from medcnn.files.arrays import packed, unpacked


def chests(n, seed, size=96):
    """Bright bodies with two dark lungs, varying in place, brightness and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    images = []
    for _ in range(n):
        dx, dy, light = rng.normal(0, 0.02), rng.normal(0, 0.02), rng.uniform(0.6, 0.8)
        lungs = sum(
            ((x - c - dx) / 0.14) ** 2 + ((y - 0.5 - dy) / 0.3) ** 2 < 1 for c in (0.3, 0.7)
        )
        images.append(np.where(lungs, 0.25, light) + rng.normal(0, 0.02, (size, size)))
    return np.clip(images, 0, 1)


TRAIN = chests(80, 0)
REFERENCE = fit_input_reference(lambda: iter([TRAIN[:30], TRAIN[30:]]))
LIMIT = float(np.abs(REFERENCE.deviations(chests(80, 1))).max())


def reasons(image):
    return pixel_reasons(REFERENCE, REFERENCE.deviations(image[None])[0], LIMIT)


def test_thumbnails_are_scikit_images_local_means():
    expected = [resize_local_mean(image, (32, 32)) for image in TRAIN[:3]]
    np.testing.assert_allclose(thumbnails(TRAIN[:3]), expected, atol=1e-6)
    assert thumbnails(np.ones((2, 28, 28))).shape == (2, 32, 32)
    np.testing.assert_allclose(thumbnails(np.full((1, 100, 70), 0.3)), 0.3, atol=1e-6)


def test_statistics_worked_by_hand():
    image = np.zeros((1, 32, 32))
    image[:, :, :16] = 1.0
    found = dict(zip(STATISTICS, statistics(image, image[0])[0], strict=True))
    assert found["likeness"] == pytest.approx(1)
    assert found["symmetry"] == pytest.approx(-1)
    assert found["brightness"] == pytest.approx(0.5)
    assert found["contrast"] == pytest.approx(0.5)
    assert found["border"] == pytest.approx(0)
    assert found["detail"] == pytest.approx((1 / 31) / 0.5)
    assert (found["black"], found["white"]) == (0.5, 0.5)


def test_images_like_the_training_ones_pass():
    passed = [not reasons(image) for image in chests(100, 2)]
    assert np.mean(passed) > 0.93


def test_an_inverted_image_is_called_inverted():
    assert "looks inverted" in reasons(1 - chests(1, 3)[0])[0]


@pytest.mark.parametrize(
    "change",
    [
        np.rot90,
        lambda image: np.random.default_rng(0).random(image.shape),
        np.zeros_like,
        lambda image: np.clip(image * 1.6, 0, 1),
        lambda image: np.where(np.arange(96) < 60, 0.0, image),
        lambda image: image * 0.2,
    ],
)
def test_what_is_no_such_image_has_reasons(change):
    assert reasons(change(chests(1, 4)[0]))


def test_arrays_carry_the_reference_over():
    reference = fit_input_reference(lambda: iter([TRAIN]), ["PA", "", "AP", "PA"])
    again = unpacked(InputReference, packed(reference))
    assert again.views == ("AP", "PA")
    np.testing.assert_array_equal(again.deviations(TRAIN[:5]), reference.deviations(TRAIN[:5]))


def facts(**known):
    plain = {"rows": 2000, "columns": 2000, "view": "", "modality": "", "body_part": ""}
    return SimpleNamespace(**{**plain, **known})


@pytest.mark.parametrize(
    ("known", "views", "reason"),
    [
        ({"modality": "NM"}, (), "modality is NM"),
        ({"body_part": "EXTREMITY"}, (), "body part is EXTREMITY"),
        ({"view": "LL"}, (), "view LL is not among frontal ones"),
        ({"view": "LL"}, ("PA", "AP"), r"not among those trained on (AP, PA)"),
        ({"rows": 1000, "columns": 2000}, (), "2000×1000"),
    ],
)
def test_facts_that_speak_against_a_chest_radiograph(known, views, reason):
    assert reason in fact_reasons(facts(**known), views)[0]


def test_unknown_facts_and_those_of_a_chest_radiograph_raise_nothing():
    assert fact_reasons(facts(), ()) == []
    chest = facts(view="PA", modality="DX", body_part="CHEST", rows=2500, columns=2048)
    assert fact_reasons(chest, ("PA", "AP")) == []
    assert fact_reasons(facts(view="LL"), ("PA", "LL")) == []
