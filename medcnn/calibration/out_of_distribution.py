"""How far an image lies from the training images, by the network's features and its logit.

Lee et al., NeurIPS 2018 (class-conditional Mahalanobis distance, here with Ledoit and Wolf's
shrinkage); Sun et al., ICML 2022 (distance to the k-th neighbour among normalised features); Liu et
al., NeurIPS 2020 (energy); Hendrycks and Gimpel, ICLR 2017 (maximum probability). Every score is
higher for what is more foreign.

Legend: N images, D features, C classes, R training images kept for reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medcnn.errors import DataError
from medcnn.metrics.estimate import FloatArray, IntArray

SCORES = ("mahalanobis", "knn", "energy", "max_probability")
NEIGHBOUR = 10
KEPT = 2000

Single = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FeatureReference:
    """What is kept of the training features, as plain arrays.

    Attributes:
        mean: Mean feature of each class, C×D.
        whitening: D×D; a feature minus its mean times it has the identity as covariance.
        normalised: Training features of length 1, R×D.
        neighbour: Which neighbour's distance is taken, from 1.
    """

    mean: Single
    whitening: Single
    normalised: Single
    neighbour: int

    def mahalanobis(self, features_ND: npt.ArrayLike) -> FloatArray:
        """Return the distance to the nearest class mean in standard deviations."""
        features = _checked(features_ND, self.mean.shape[1])
        squares = [
            np.square((features - mean) @ self.whitening.astype(np.float64)).sum(axis=1)
            for mean in self.mean.astype(np.float64)
        ]
        return np.asarray(np.sqrt(np.min(squares, axis=0)))

    def knn(self, features_ND: npt.ArrayLike) -> FloatArray:
        """Return the distance to the k-th nearest training feature, all of length 1: 0 to 2."""
        features = _normalised(_checked(features_ND, self.mean.shape[1]))
        cosine = features @ self.normalised.astype(np.float64).T
        at = len(self.normalised) - min(self.neighbour, len(self.normalised))
        nearest = np.partition(cosine, at, axis=1)[:, at]
        return np.asarray(np.sqrt(np.maximum(2 - 2 * nearest, 0.0)))


def fit_reference(
    features_ND: npt.ArrayLike,
    label_N: IntArray,
    *,
    neighbour: int = NEIGHBOUR,
    kept: int = KEPT,
    seed: int = 0,
) -> FeatureReference:
    """Return the reference of training features, with one covariance for all classes.

    Args:
        features_ND: Features of training images as they are predicted, not augmented.
        label_N: Their labels; a class without images is left out.
        neighbour: Which neighbour's distance ``knn`` takes.
        kept: The most training features kept for ``knn``, drawn at random.
        seed: Seed of that draw.

    Raises:
        DataError: If there are fewer than two images, or a feature is not finite.
    """
    from sklearn.covariance import ledoit_wolf  # slow to import, needed once a training

    features = np.asarray(features_ND, dtype=np.float64)
    if len(features) < 2 or not np.isfinite(features).all():
        raise DataError(
            "Training features cannot be described.",
            expected="finite features of at least two training images",
            found=f"{len(features)} images, finite: {bool(np.isfinite(features).all())}",
            remedy="leave out_of_distribution out, or check that the training did not diverge",
        )
    label = np.asarray(label_N)
    present = np.unique(label)
    mean = np.stack([features[label == name].mean(axis=0) for name in present])
    centred = features - mean[np.searchsorted(present, label)]
    covariance, _ = ledoit_wolf(centred, assume_centered=True)
    # Features that never vary (dead units) would be infinitely surprising when they first do.
    floor = 1e-6 * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    value, vector = np.linalg.eigh(covariance)
    whitening = vector / np.sqrt(np.maximum(value, floor))
    chosen = np.random.default_rng(seed).permutation(len(features))[:kept]
    return FeatureReference(
        mean.astype(np.float32),
        whitening.astype(np.float32),
        _normalised(features[np.sort(chosen)]).astype(np.float32),
        neighbour,
    )


def energy(logit_N: npt.ArrayLike) -> FloatArray:
    """Return minus the log of the summed exponentials of the two class scores.

    A single logit z stands for the scores -z/2 and z/2, so that neither class counts as foreign;
    energy then ranks images exactly as the maximum of sigmoid(z) and sigmoid(-z) does.
    """
    half = np.asarray(logit_N, dtype=np.float64) / 2
    return np.asarray(-np.logaddexp(half, -half))


def one_minus_max_probability(p_N: npt.ArrayLike) -> FloatArray:
    """Return one minus the probability of the likelier class, 0 to 0.5."""
    p = np.asarray(p_N, dtype=np.float64)
    return np.minimum(p, 1 - p)


def quantile_threshold(score_V: npt.ArrayLike, quantile: float) -> float:
    """Return the threshold that at most ``1 - quantile`` of new cases exceed, from validation.

    The ``ceil((V + 1) quantile)``-th smallest score, as in conformal prediction; the largest one
    where validation has too few cases for that.

    Raises:
        DataError: If there are no scores.
    """
    score = np.sort(np.asarray(score_V, dtype=np.float64))
    if len(score) == 0:
        raise DataError("A threshold needs validation scores.", expected="at least one case")
    rank = int(np.ceil((len(score) + 1) * quantile - 1e-9))
    return float(score[min(rank, len(score)) - 1])


def _checked(features_ND: npt.ArrayLike, width: int) -> FloatArray:
    features = np.asarray(features_ND, dtype=np.float64)
    if features.ndim != 2 or features.shape[1] != width:
        raise DataError(
            "Features do not fit the training features.",
            expected=f"N×{width}",
            found="×".join(map(str, features.shape)),
            remedy="use the out_of_distribution.npz of the same run",
        )
    return features


def _normalised(features: FloatArray) -> FloatArray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(length, 1e-12))
