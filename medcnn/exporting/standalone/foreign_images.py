"""Whether an image is unlike the training images, by what ``medcnn`` calls its detector, in numpy.

Legend: D features, S×S pixels, T×T thumbnails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from header_words import RADIOGRAPHY, is_chest, view_name
from read_dicom import Picture

Floats = npt.NDArray[np.float64]

SIDE = 32
ASPECT = (0.6, 1.67)
STATISTICS = (
    "does not resemble the average training image",
    "left and right are unlike those of the training images",
    "brightness is unlike the training images'",
    "contrast is unlike the training images'",
    "the border is brighter or darker against the centre than in training",
    "there is more or less fine detail than in training",
    "much more or much less is black than in training",
    "much more or much less is white than in training",
)


@dataclass(frozen=True)
class Foreign:
    """The arrays of a detector."""

    arrays: Mapping[str, npt.NDArray[Any]]

    @classmethod
    def load(cls, path: Path) -> Foreign:
        """Return the detector of an npz file; nothing in it is unpickled."""
        with np.load(path, allow_pickle=False) as content:
            return cls({name: content[name] for name in content.files})

    def reasons(self, picture: Picture, outputs: Mapping[str, npt.NDArray[Any]]) -> list[str]:
        """Return why an image is foreign, nothing where it is not.

        Args:
            picture: What was read.
            outputs: Of the graph for this one image.
        """
        found = [*self._of_header(picture), *self._of_pixels(picture)]
        name, score = str(self.arrays["score"]), self._score(outputs)
        if score > float(self.arrays["threshold"]):
            found.append(f"{name} {score:.3g} above {float(self.arrays['threshold']):.3g}")
        return found

    def _score(self, outputs: Mapping[str, npt.NDArray[Any]]) -> float:
        name = str(self.arrays["score"])
        features = outputs["features"].astype(np.float64)
        if name == "mahalanobis":
            whitening = self.arrays["features.whitening"].astype(np.float64)
            means = self.arrays["features.mean"].astype(np.float64)
            return float(np.sqrt(np.square((features - means) @ whitening).sum(axis=1).min()))
        if name == "knn":
            known = self.arrays["features.normalised"].astype(np.float64)
            cosine = known @ (features / max(float(np.linalg.norm(features)), 1e-12))
            at = len(known) - min(int(self.arrays["features.neighbour"]), len(known))
            return float(np.sqrt(max(2 - 2 * np.partition(cosine, at)[at], 0.0)))
        # An ensemble's first member speaks for it.
        logit = float(outputs.get("member_logit", outputs["logit"][None])[0])
        p = float(outputs.get("member_p", outputs["p_abnormal"][None])[0])
        return -float(np.logaddexp(logit / 2, -logit / 2)) if name == "energy" else min(p, 1 - p)

    def _of_pixels(self, picture: Picture) -> list[str]:
        middle, scale = self.arrays["inputs.middle"], self.arrays["inputs.scale"]
        # One division by 255 and one product round differently: it is the product everywhere else.
        image = picture.pixels.astype(np.float32) * np.float32(1.0 / 255)
        deviation = (statistics(image, self.arrays["inputs.template"]) - middle) / scale
        off = np.abs(deviation)
        found = [STATISTICS[k] for k in np.argsort(-off) if off[k] > float(self.arrays["limit"])]
        likeness = float(middle[0] + deviation[0] * scale[0])
        if found and likeness < -0.5 * float(middle[0]) < 0:
            found.insert(0, "looks inverted: bright where training images are dark")
        return found

    def _of_header(self, picture: Picture) -> list[str]:
        found = []
        if picture.modality.upper() not in RADIOGRAPHY:
            found.append(f"the modality is {picture.modality.upper()}, not a radiograph's")
        if not is_chest(picture.body_part):
            found.append(f"the body part is {picture.body_part.upper()}, not the chest")
        view = view_name(picture.view)
        trained = {view_name(str(name)) for name in self.arrays["inputs.views"]} - {""}
        if view and not _is_among(view, trained):
            among = (
                f"those trained on ({', '.join(sorted(trained))})" if trained else "frontal ones"
            )
            found.append(f"the view {picture.view} is not among {among}")
        if not ASPECT[0] <= picture.columns / max(picture.rows, 1) <= ASPECT[1]:
            size = f"{picture.columns}×{picture.rows}"
            found.append(f"the image is {size}, no shape of a chest radiograph")
        return found


def _is_among(view: str, trained: set[str]) -> bool:
    frontal = {"PA", "AP", "FRONTAL"}
    if view in trained or (not trained and view in frontal):
        return True
    is_open = view == "FRONTAL" or "FRONTAL" in trained
    return is_open and view in frontal and not trained.isdisjoint(frontal)


def statistics(image: npt.NDArray[np.float32], template: Floats) -> Floats:
    """Return the statistics of an image in [0, 1] in the order of ``STATISTICS``."""
    small = _thumbnail(image)
    standard, middle = _standardised(small), _standardised(template)
    quarter, edge = SIDE // 4, SIDE // 16
    centre = small[quarter:-quarter, quarter:-quarter].mean()
    frame = np.ones((SIDE, SIDE), dtype=bool)
    frame[edge:-edge, edge:-edge] = False
    contrast = image.std()
    steps = np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean()
    return np.array(
        [
            standard.ravel() @ middle.ravel() / middle.size,
            (standard * standard[:, ::-1]).mean(),
            image.mean(),
            contrast,
            small[frame].mean() - centre,
            steps / max(float(contrast), 1e-3),
            (image < 0.02).mean(),
            (image > 0.98).mean(),
        ]
    )


def _thumbnail(image: npt.NDArray[np.float32]) -> Floats:
    side = min(image.shape)
    if side < SIDE:
        times = -(-SIDE // side)
        image = image.repeat(times, axis=0).repeat(times, axis=1)
    for axis in (0, 1):
        edges = np.linspace(0, image.shape[axis], SIDE + 1).astype(int)
        sums = np.add.reduceat(image, edges[:-1], axis=axis)
        shape = [1, 1]
        shape[axis] = SIDE
        image = np.asarray(sums / np.diff(edges).reshape(shape), dtype=np.float32)
    return image.astype(np.float64)


def _standardised(small: Floats) -> Floats:
    centred = small - small.mean()
    return np.asarray(centred / max(float(centred.std()), 1e-6))
