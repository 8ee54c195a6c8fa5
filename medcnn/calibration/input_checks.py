"""Whether pixels and header look like the training images at all, before any network sees them.

Cheap statistics of the image as the network gets it, each compared with its spread in training, and
the facts of the file. A photograph, a hand, a side view, an inverted or a turned image differ in
several; the reasons are words that a radiographer can act on.

Legend: N images, H×W pixels in [0, 1], S statistics, T×T thumbnails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medcnn.io.facts import Facts
from medcnn.io.words import FRONTAL, is_chest, is_radiography, view_name
from medcnn.metrics.estimate import FloatArray

SIDE = 32
STATISTICS = {
    "likeness": "does not resemble the average training image",
    "symmetry": "left and right are unlike those of the training images",
    "brightness": "brightness is unlike the training images'",
    "contrast": "contrast is unlike the training images'",
    "border": "the border is brighter or darker against the centre than in training",
    "detail": "there is more or less fine detail than in training",
    "black": "much more or much less is black than in training",
    "white": "much more or much less is white than in training",
}
ASPECT = (0.6, 1.67)


@dataclass(frozen=True)
class InputReference:
    """What the training images look like, as plain arrays.

    Attributes:
        template: Mean of the standardised training thumbnails, T×T.
        middle: Median of each statistic in training, S.
        scale: Its spread: half the width of its central 95 % in training, S.
        views: The view positions that occur in training; empty where none is known.
    """

    template: FloatArray
    middle: FloatArray
    scale: FloatArray
    views: tuple[str, ...] = ()

    def deviations(self, image_NHW: npt.ArrayLike) -> FloatArray:
        """Return how many spreads each statistic lies above its median in training, N×S."""
        return (statistics(image_NHW, self.template) - self.middle) / self.scale


def fit_input_reference(
    chunks: Callable[[], Iterable[npt.ArrayLike]], views: Sequence[str] = ()
) -> InputReference:
    """Return what training images look like.

    Args:
        chunks: Gives the training images as they are predicted, not augmented, in [0, 1], some at a
            time; it is called twice, for the template and for the statistics.
        views: Their view positions, empty where unknown.
    """
    total, count = np.zeros((SIDE, SIDE)), 0
    for image in chunks():
        standard = _standardised(thumbnails(image))
        total, count = total + standard.sum(axis=0), count + len(standard)
    template = total / max(count, 1)
    found = np.concatenate([statistics(image, template) for image in chunks()])
    low, middle, high = np.quantile(found, [0.025, 0.5, 0.975], axis=0)
    # A statistic that hardly varies in training (a border that is always black) keeps a spread.
    scale = np.maximum((high - low) / 2, 0.02)
    known = sorted({str(view) for view in views if str(view) and str(view) != "nan"})
    return InputReference(template, middle, scale, tuple(known))


def statistics(image_NHW: npt.ArrayLike, template_TT: FloatArray) -> FloatArray:
    """Return the statistics of each image in the order of ``STATISTICS``, N×S."""
    image = np.asarray(image_NHW, dtype=np.float32)
    small = thumbnails(image)
    standard = _standardised(small)
    flat = standard.reshape(len(small), -1)
    middle = _standardised(template_TT[None]).ravel()
    mirrored = standard[:, :, ::-1].reshape(len(small), -1)
    quarter = SIDE // 4
    centre = small[:, quarter:-quarter, quarter:-quarter].mean(axis=(1, 2))
    edge = SIDE // 16
    frame = np.ones((SIDE, SIDE), dtype=bool)
    frame[edge:-edge, edge:-edge] = False
    contrast = image.std(axis=(1, 2))
    steps = np.abs(np.diff(image, axis=1)).mean(axis=(1, 2)) + np.abs(np.diff(image, axis=2)).mean(
        axis=(1, 2)
    )
    return np.column_stack(
        [
            flat @ middle / len(middle),
            (flat * mirrored).mean(axis=1),
            image.mean(axis=(1, 2)),
            contrast,
            small[:, frame].mean(axis=1) - centre,
            steps / np.maximum(contrast, 1e-3),
            (image < 0.02).mean(axis=(1, 2)),
            (image > 0.98).mean(axis=(1, 2)),
        ]
    )


def thumbnails(image_NHW: npt.ArrayLike) -> FloatArray:
    """Return the images as T×T means of equal blocks; smaller images are repeated first."""
    image = np.asarray(image_NHW, dtype=np.float32)
    side = min(image.shape[1:])
    if side < SIDE:
        times = -(-SIDE // side)
        image = image.repeat(times, axis=1).repeat(times, axis=2)
    for axis in (1, 2):
        edges = np.linspace(0, image.shape[axis], SIDE + 1).astype(int)
        sums = np.add.reduceat(image, edges[:-1], axis=axis)
        shape = [1, 1, 1]
        shape[axis] = SIDE
        image = np.asarray(sums / np.diff(edges).reshape(shape), dtype=np.float32)
    return image.astype(np.float64)


def pixel_reasons(reference: InputReference, deviation_S: FloatArray, limit: float) -> list[str]:
    """Return why an image's pixels are foreign, the strongest first; empty within the limit.

    Args:
        reference: What the training images look like.
        deviation_S: Of the image, as ``reference.deviations`` gives it.
        limit: How many spreads are usual.
    """
    off = np.abs(deviation_S)
    names = list(STATISTICS.values())
    found = [names[k] for k in np.argsort(-off) if off[k] > limit]
    usual = float(reference.middle[0])
    likeness = usual + float(deviation_S[0] * reference.scale[0])
    if found and likeness < -0.5 * usual < 0:
        found.insert(0, "looks inverted: bright where training images are dark")
    return found


def fact_reasons(facts: Facts, views: Sequence[str]) -> list[str]:
    """Return why a file's facts say that it is no image of the kind the model was trained on.

    Args:
        facts: The facts of the file; what is empty is unknown and raises nothing.
        views: The view positions in training.
    """
    found = []
    if not is_radiography(facts.modality):
        found.append(f"the modality is {facts.modality.upper()}, not a radiograph's")
    if not is_chest(facts.body_part):
        found.append(f"the body part is {facts.body_part.upper()}, not the chest")
    view, trained = view_name(facts.view), {view_name(name) for name in views} - {""}
    if view and not _is_among(view, trained):
        among = f"those trained on ({', '.join(sorted(trained))})" if trained else "frontal ones"
        found.append(f"the view {facts.view} is not among {among}")
    aspect = facts.columns / max(facts.rows, 1)
    if not ASPECT[0] <= aspect <= ASPECT[1]:
        found.append(f"the image is {facts.columns}×{facts.rows}, no shape of a chest radiograph")
    return found


def _is_among(view: str, trained: set[str]) -> bool:
    if view in trained or (not trained and view in FRONTAL):
        return True
    # FRONTAL leaves open whether PA or AP is meant.
    is_open = view == "FRONTAL" or "FRONTAL" in trained
    return is_open and view in FRONTAL and not trained.isdisjoint(FRONTAL)


def _standardised(small_NTT: FloatArray) -> FloatArray:
    centred = small_NTT - small_NTT.mean(axis=(1, 2), keepdims=True)
    return np.asarray(centred / np.maximum(centred.std(axis=(1, 2), keepdims=True), 1e-6))
