from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform
from skimage.transform import ProjectiveTransform
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from medcnn.augment import Augmentation
from medcnn.augment.geometry import Crop, Flip, Perspective, homography
from medcnn.errors import ConfigError

RNG = np.random.default_rng
BILINEAR = InterpolationMode.BILINEAR


def fixed(value: float) -> tuple[float, float]:
    return value, value


def inside(difference: np.ndarray, margin: int = 0) -> np.ndarray:
    end = -margin or None
    return np.abs(difference[:, margin:end, margin:end])


def against_torchvision(images, operators, call) -> float:
    """Return the largest difference in grey levels to torchvision on float images."""
    ours = Augmentation(operators)(images, RNG(0)).astype(float)
    theirs = call(torch.from_numpy(images)[:, None].float())[:, 0].numpy()
    return float(np.abs(ours - theirs).max())


def test_flip_is_numpys_flip(images):
    for axis, call in (("horizontal", np.fliplr), ("vertical", np.flipud)):
        ours = Augmentation({"flip": {"p": 1.0, "axis": axis}})(images, RNG(0))
        assert np.array_equal(ours, np.stack([call(image) for image in images]))


def test_rotation_is_torchvisions(images):
    call = lambda x: tv.rotate(x, 17.0, interpolation=BILINEAR)  # noqa: E731
    # torchvision does not blend with the outside at the border; compare where both are inside.
    ours = Augmentation({"rotation": {"degrees": fixed(17)}})(images, RNG(0)).astype(float)
    theirs = call(torch.from_numpy(images)[:, None].float())[:, 0].numpy()
    assert inside(ours - theirs, 12).max() < 1.5


def test_scale_is_torchvisions(images):
    call = lambda x: tv.affine(x, 0.0, [0, 0], 1.2, [0.0, 0.0], interpolation=BILINEAR)  # noqa: E731
    assert against_torchvision(images, {"scale": {"factor": fixed(1.2)}}, call) < 1.5


def test_translation_by_whole_pixels_moves_them_exactly(images):
    ours = Augmentation({"translation": {"x": fixed(0.125), "y": fixed(-0.0625)}})(images, RNG(0))
    assert np.array_equal(ours[:, :60, 8:], images[:, 4:, :56])
    assert not ours[:, 60:].any()
    assert not ours[:, :, :8].any()


def test_stretch_keeps_the_area(images):
    matrix = Augmentation({"stretch": {"factor": fixed(1.3)}})
    warp = matrix.warp(matrix.draw(RNG(0), 2, 64))
    assert np.linalg.det(warp.matrix_N33) == pytest.approx(1)
    assert warp.matrix_N33[0, 1, 1] / warp.matrix_N33[0, 0, 0] == pytest.approx(1.3)


@pytest.mark.parametrize(
    "operators",
    [
        {"shear": {"degrees": 20}},
        {"stretch": {"factor": [0.7, 1.4]}},
        {"crop": {"area": [0.3, 0.9], "ratio": [0.7, 1.4]}},
        {"rotation": {"degrees": 30}, "scale": {"factor": [0.8, 1.3]}, "translation": {}},
    ],
)
def test_affine_maps_are_resampled_as_scipy_does(images, operators):
    augmentation = Augmentation(operators)
    parameters = augmentation.draw(RNG(4), len(images), 64)
    ours = augmentation.apply(images, parameters).astype(float)
    centre = np.array([31.5, 31.5])
    for image, our, m in zip(images, ours, augmentation.warp(parameters).matrix_N33, strict=True):
        yx = m[:2, :2][::-1, ::-1]
        offset = m[:2, 2][::-1] + centre - yx @ centre
        theirs = affine_transform(image.astype(float), yx, offset, order=1, mode="grid-constant")
        assert np.abs(our - theirs).max() < 1.5


def test_order_of_the_configuration_is_the_order_of_events():
    shift, turn = {"x": fixed(0.25), "y": fixed(0)}, {"degrees": fixed(90)}
    image = np.zeros((1, 65, 65), np.uint8)
    image[0, 32, 32] = 255
    first_shift = Augmentation({"translation": shift, "rotation": turn})(image, RNG(0))
    first_turn = Augmentation({"rotation": turn, "translation": shift})(image, RNG(0))
    rows, columns = np.nonzero(first_shift[0] > 100)
    assert rows.mean() == pytest.approx(16, abs=0.6)
    assert columns.mean() == pytest.approx(32)
    rows, columns = np.nonzero(first_turn[0] > 100)
    assert rows.mean() == pytest.approx(32)
    assert columns.mean() == pytest.approx(48, abs=0.6)


def test_homography_is_scikit_images():
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 32.0
    targets = corners + RNG(1).uniform(-8, 8, (3, 4, 2))
    for ours, target in zip(homography(corners, targets), targets, strict=True):
        theirs = ProjectiveTransform.from_estimate(corners, target).params
        assert ours == pytest.approx(theirs / theirs[2, 2], abs=1e-8)


def test_perspective_of_no_strength_changes_nothing(images):
    assert np.array_equal(Augmentation({"perspective": {"strength": 0}})(images, RNG(0)), images)


def test_perspective_keeps_corners_within_its_strength():
    values = Perspective(strength=0.1).draw(RNG(0), 500)
    assert 0.09 < np.abs(values["corners"]).max() <= 0.1


def test_crop_is_torchvisions_resized_crop(images):
    operator = Crop(area=[0.25, 0.25], ratio=[1, 1])
    values = operator.draw(RNG(0), len(images))
    values["x"], values["y"] = np.full(4, -0.125), np.full(4, 0.25)
    augmentation = Augmentation({"crop": {"area": [0.25, 0.25], "ratio": [1, 1]}})
    parameters = augmentation.draw(RNG(0), len(images), 64)
    parameters.values["crop"].update(values)
    ours = augmentation.apply(images, parameters).astype(float)
    source = torch.from_numpy(images)[:, None].float()
    theirs = tv.resized_crop(source, 32, 8, 32, 32, [64, 64], antialias=False)[:, 0].numpy()
    assert inside(ours - theirs, 2).max() < 1.5


def test_crop_windows_lie_within_the_image():
    values = Crop(area=(0.1, 1.0), ratio=(0.5, 2.0)).draw(RNG(0), 5000)
    for place, side in (("x", "width"), ("y", "height")):
        assert (np.abs(values[place]) + values[side] / 2 <= 0.5 + 1e-12).all()


def test_unknown_axis_is_refused():
    with pytest.raises(ConfigError, match="horizontal or vertical"):
        Flip(axis="diagonal")
