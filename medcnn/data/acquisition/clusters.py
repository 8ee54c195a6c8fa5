"""Clusters of acquisition: images of both labels that were made alike.

A cluster that is a label would say nothing of sources. So it is looked for within each label, and
what two labels call the same cluster is matched: every image is described as the centre of its
cluster plus a shift that all images of its label share,

    x_i = m[cluster of i] + d[label of i] + noise,

which is k-means with an offset for each label. It starts from k-means of each label alone, whose
centres are matched by the assignment of least squared distance; since a shift common to all centres
of a label changes no such assignment, the start does not depend on it either. Sites that see other
shares of abnormal do not spoil it, as they do where the mean of each label is subtracted first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from medcnn.data.settings import LEAST_SOURCES
from medcnn.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEWEST = 10
"""Images of each class without which a cluster is given up: no rate is estimated from fewer."""
SHARED = 0.6
"""Part of the spread that clusters of each label explain, which shared ones have to explain too."""
_ROUNDS = 100
_SAMPLE = 20_000
_FAR = 6.0


@dataclass(frozen=True)
class Clusters:
    """Where each image belongs.

    Attributes:
        cluster: From 0, the largest first; N.
        asked: How many were looked for; those with too few images of a class were given up.
        shared: Explained spread within labels, over that of clusters of each label alone.
        apart: Distance of the labels over the mean distance of a cluster from their middle.
    """

    cluster: Ints
    asked: int
    shared: float
    apart: float

    @property
    def found(self) -> int:
        """How many there are."""
        return int(self.cluster.max()) + 1


def find_clusters(kinds: dict[str, Floats], label: Ints, clusters: int, seed: int = 0) -> Clusters:
    """Return clusters that hold both labels.

    Args:
        kinds: N×D numbers of each kind, as ``appearance`` gives them; each kind counts alike.
        label: 0 normal, 1 abnormal; N.
        clusters: How many to look for.
        seed: Of the starts of k-means.

    Raises:
        DataError: If nothing varies within both labels, if what parts the images of one label is not
            what parts those of the other, or if fewer than three clusters hold both.
    """
    points, offset = _points(kinds, label)
    # One thread: a team of OpenMP threads must not be alive when loaders fork.
    with threadpool_limits(1):
        alone = _matched(points, label, clusters, seed)
        joint = _joint(points, label, alone.copy())
    counted = points[joint.inside], label[joint.inside]
    of_each, of_both = (_explained(*counted, each[joint.inside]) for each in (alone, joint.cluster))
    shared = of_both / max(of_each, 1e-12)
    if shared < SHARED:
        raise _not_shared(shared)
    if len(joint.centre) < LEAST_SOURCES:
        raise _too_few(len(joint.centre), label)
    spread = np.sqrt(((joint.centre - joint.centre.mean(axis=0)) ** 2).sum(axis=1).mean())
    apart = float(np.linalg.norm(joint.shift + offset) / spread)
    return Clusters(_by_size(joint.cluster), clusters, shared, apart)


def _points(kinds: dict[str, Floats], label: Ints) -> tuple[Floats, Floats]:
    """Return all numbers from the middle of their label, in spreads within labels, and its distance.

    Each kind has the same weight. What is taken from a label here is a shift like any other.

    Returns:
        Points, N×D, and the middle of label 1 from that of label 0, D.
    """
    parts, offsets = [], []
    for values in kinds.values():
        middle = np.stack([np.median(values[label == each], axis=0) for each in (0, 1)])
        inner = values - middle[label]
        # What varies in one label alone is the label by another name.
        varies = np.all([inner[label == each].std(axis=0) > 1e-9 for each in (0, 1)], axis=0)
        if not varies.any():
            continue
        inner = inner[:, varies]
        usual = np.subtract(*np.percentile(inner, [84, 16], axis=0)) / 2
        scale = np.where(usual > 1e-9, usual, inner.std(axis=0))
        weight = 1 / np.sqrt(varies.sum())
        parts.append(np.clip(inner / scale, -_FAR, _FAR) * weight)
        offsets.append((middle[1] - middle[0])[varies] / scale * weight)
    if not parts:
        raise DataError(
            "Acquisition clusters cannot be found: within each label all images were made alike.",
            expected="images that differ in border, grey levels, sharpness, noise, size or file",
            found=f"{len(label)} images that differ in none of these",
            remedy="name a column by data.fold_by=COLUMN, or take data.fold_by=patient",
        )
    return np.hstack(parts), np.concatenate(offsets)


def _matched(points: Floats, label: Ints, clusters: int, seed: int) -> Ints:
    """Return k-means of each label alone, those of label 1 named as what they resemble of label 0."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    found = np.zeros(len(label), np.int64)
    centres = []
    for each in (0, 1):
        rows = np.flatnonzero(label == each)
        if len(rows) < clusters * FEWEST:
            raise _too_few(len(rows) // FEWEST, label)
        some = rng.choice(rows, _SAMPLE, replace=False) if len(rows) > _SAMPLE else rows
        model = KMeans(clusters, n_init=10, random_state=seed).fit(points[some])
        found[rows] = model.predict(points[rows])
        centres.append(np.asarray(model.cluster_centers_, np.float64))
    _, partner = linear_sum_assignment(_squared(centres[0], centres[1]))
    found[label == 1] = np.argsort(partner)[found[label == 1]]
    return found


@dataclass(frozen=True)
class _Joint:
    """Clusters of both labels: N, the K centres in label 0, the shift of label 1, who counted."""

    cluster: Ints
    centre: Floats
    shift: Floats
    inside: npt.NDArray[np.bool_]


def _joint(points: Floats, label: Ints, cluster: Ints) -> _Joint:
    """Return clusters of both labels, from those of each.

    Where one holds too few of a label, the smallest is given up: its images move nothing any more,
    and go to the nearest of what is left.
    """
    inside = np.ones(len(label), bool)
    while True:
        settled = _settled(points[inside], label[inside], cluster[inside])
        centre, shift = _fitted(points[inside], label[inside], settled)
        few = _counts(label[inside], settled).min(axis=1)
        if few.min() >= FEWEST or len(few) == 1:
            return _Joint(_nearest(points, label, centre, shift), centre, shift, inside)
        cluster[inside] = settled
        inside[inside] = settled != int(few.argmin())


def _settled(points: Floats, label: Ints, cluster: Ints) -> Ints:
    """Return clusters after centres and assignments were improved in turn until nothing changes."""
    cluster = _named(cluster)
    for _ in range(_ROUNDS):
        moved = _named(_nearest(points, label, *_fitted(points, label, cluster)))
        if (moved == cluster).all():
            break
        cluster = moved
    return cluster


def _nearest(points: Floats, label: Ints, centre: Floats, shift: Floats) -> Ints:
    found: Ints = _squared(points - label[:, None] * shift, centre).argmin(axis=1)
    return found


def _named(cluster: Ints) -> Ints:
    """Return the same clusters counted from 0 without gaps."""
    return np.unique(cluster, return_inverse=True)[1].astype(np.int64)


def _counts(label: Ints, cluster: Ints) -> Ints:
    """Return the images of each label in each cluster, K×2."""
    names = int(cluster.max()) + 1
    columns = [np.bincount(cluster[label == each], minlength=names) for each in (0, 1)]
    return np.stack(columns, axis=1).astype(np.int64)


def _fitted(points: Floats, label: Ints, cluster: Ints) -> tuple[Floats, Floats]:
    """Return the least-squares centres of the clusters, and the shift between labels."""
    n = _counts(label, cluster)
    total = np.stack(
        [_sums(points[label == each], cluster[label == each], len(n)) for each in (0, 1)]
    )
    all_of, share = n.sum(axis=1), n[:, 1] / n.sum(axis=1)
    both = total.sum(axis=0)
    weight = (n[:, 0] * share).sum()
    shift = (total[1] - share[:, None] * both).sum(axis=0) / max(weight, 1e-12)
    return (both - n[:, 1:] * shift) / all_of[:, None], shift


def _sums(points: Floats, cluster: Ints, names: int) -> Floats:
    columns = [np.bincount(cluster, column, minlength=names) for column in points.T]
    return np.stack(columns, axis=1)


def _squared(points: Floats, centres: Floats) -> Floats:
    """Return squared distances, N×K."""
    own, theirs = (points**2).sum(axis=1), (centres**2).sum(axis=1)
    return np.asarray(own[:, None] - 2 * points @ centres.T + theirs)


def _explained(points: Floats, label: Ints, cluster: Ints) -> float:
    """Return the part of the spread within labels that lies between clusters."""
    total = within = 0.0
    for each in (0, 1):
        of_label, inside = points[label == each], cluster[label == each]
        total += float(((of_label - of_label.mean(axis=0)) ** 2).sum())
        for name in np.unique(inside):
            rows = of_label[inside == name]
            within += float(((rows - rows.mean(axis=0)) ** 2).sum())
    return 1 - within / max(total, 1e-12)


def _by_size(cluster: Ints) -> Ints:
    sizes = np.bincount(cluster)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[cluster]


def _not_shared(shared: float) -> DataError:
    return DataError(
        "Acquisition clusters cannot be found: what parts the normal images is not what parts the "
        "abnormal ones, so that a cluster would be a label.",
        expected=f"clusters of both labels that explain {SHARED:.0%} of what clusters of each explain",
        found=f"{shared:.0%}",
        remedy="name a column by data.fold_by=COLUMN, or take data.fold_by=patient",
    )


def _too_few(found: int, label: Ints) -> DataError:
    normal, abnormal = int((label == 0).sum()), int((label == 1).sum())
    return DataError(
        "There are too few images of each class for acquisition clusters.",
        expected=f"{LEAST_SOURCES} clusters with {FEWEST} normal and {FEWEST} abnormal images each",
        found=f"{found} of {normal} normal and {abnormal} abnormal images",
        remedy="give more images, or take data.fold_by=patient",
    )
