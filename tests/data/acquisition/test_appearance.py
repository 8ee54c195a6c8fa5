import cv2
import numpy as np
import pytest

from medcnn.data.acquisition.appearance import appearance

N = 10


def change(pictures, stored, alter, kind, **how):
    """Return how far altered pictures lie from the same unaltered ones, in spreads of the latter."""
    drawn = pictures(N, side=64)
    manifest, cache = stored([*drawn, *map(alter, drawn)], size=64, label=[0, 1] * N, **how)
    values = appearance(manifest.table, cache)[kind]
    plain, altered = values[:N], values[N:]
    return np.abs(altered.mean(0) - plain.mean(0)) / (plain.std(0) + 1e-9)


def with_noise(picture):
    rng = np.random.default_rng(int(picture.sum()))
    return np.clip(picture + rng.normal(0, 12, picture.shape), 0, 255).astype(np.uint8)


def with_frame(picture):
    framed = picture.copy()
    framed[:, :4] = framed[:, -4:] = 0
    return framed


@pytest.mark.parametrize(
    ("alter", "kind"),
    [
        (with_noise, "noise"),
        (with_frame, "border"),
        (lambda picture: cv2.GaussianBlur(picture, (0, 0), 2), "sharpness"),
        (lambda picture: (picture * 0.6).astype(np.uint8), "grey levels"),
    ],
)
def test_what_the_maker_changes_shows_in_its_kind(pictures, stored, alter, kind):
    assert change(pictures, stored, alter, kind).max() > 3


def test_the_noise_is_that_which_was_added(stored):
    rng = np.random.default_rng(0)
    flat = [np.clip(128 + rng.normal(0, 10, (64, 64)), 0, 255).astype(np.uint8) for _ in range(4)]
    manifest, cache = stored(flat, size=64, label=[0, 1, 0, 1])
    assert np.exp(appearance(manifest.table, cache)["noise"]) == pytest.approx(10, rel=0.1)


def test_what_lies_in_the_lungs_hardly_moves_the_border(pictures, stored):
    def with_nodule(picture):
        return cv2.circle(picture.copy(), (20, 32), 5, 220, -1)

    assert change(pictures, stored, with_nodule, "border").max() < 0.2
