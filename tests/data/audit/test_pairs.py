import cv2
import numpy as np
import pytest
from skimage.transform import AffineTransform, warp

from medcnn.data.audit.hashing import WINDOWS, thumbnails
from medcnn.data.audit.near import NEAR, ROUGH
from medcnn.data.audit.pairs import CLOSE, align, likeness, rough_likeness

SIDE = 160


def jpeg(image, quality=75):
    return cv2.imdecode(
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
    )


COPIES = {
    "jpeg": jpeg,
    "half": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "double": lambda image: cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    "paler": lambda image: np.clip(image * 0.8 + 20, 0, 255).astype(np.uint8),
    "gamma": lambda image: np.rint(255 * (image / 255) ** 0.7).astype(np.uint8),
    "crop": lambda image: image[5:-7, 8:-2].copy(),
    "crop_and_jpeg": lambda image: jpeg(image[8:, :-8].copy(), 70),
}


def judged(one, other, window):
    small, other_small = (thumbnails(image[None])[0] for image in (one, other))
    found = align(small, other_small, window)
    close = (
        cv2.resize(image, (CLOSE, CLOSE), interpolation=cv2.INTER_AREA) for image in (one, other)
    )
    return rough_likeness(small, other_small, found), likeness(*close, found)


@pytest.mark.each("kind", COPIES)
def test_copies_lie_above_the_bar_from_the_nearest_window(pictures, kind):
    for image in pictures(5, side=SIDE):
        copy = COPIES[kind](image)
        rough, close = zip(*(judged(image, copy, w) for w in range(len(WINDOWS))), strict=True)
        assert max(rough) > ROUGH + 0.05
        assert max(close) > NEAR


def test_different_pictures_of_like_structure_lie_far_below(pictures):
    images = pictures(12, side=SIDE)
    found = [
        judged(one, other, 0) for place, one in enumerate(images) for other in images[place + 1 :]
    ]
    assert max(rough for rough, _ in found) < 0.8
    assert max(close for _, close in found) < 0.5


def test_pictures_that_agree_in_what_is_strong_alone_lie_below(pictures):
    one, other = pictures(2, side=SIDE)
    for image in (one, other):
        image[:12], image[:, :14] = 0, 0
        image[30:50, 30:60] = 255
    assert judged(one, other, 0)[1] < 0.5


def test_a_copy_moved_by_two_pixels_is_aligned(pictures):
    image = pictures(1, side=SIDE)[0]
    moved = warp(image, AffineTransform(translation=(5, -4)), mode="edge", preserve_range=True)
    rough, close = judged(image, moved.astype(np.uint8), 0)
    assert min(rough, close) > 0.97


def test_a_mirrored_copy_and_a_blank_image_do_not_count(pictures):
    image = pictures(1)[0]
    assert judged(image, np.ascontiguousarray(image[:, ::-1]), 0)[1] < 0.5
    assert judged(image, np.full_like(image, 80), 0) == (0.0, 0.0)
