"""The column ``acquisition`` of a manifest: the cluster of each image that is not of the test split."""

from __future__ import annotations

import numpy as np

from medcnn.data.acquisition.appearance import appearance
from medcnn.data.acquisition.clusters import find_clusters
from medcnn.data.cache.images import ImageCache
from medcnn.data.manifest import Manifest
from medcnn.data.settings import ACQUISITION
from medcnn.notices import Notice

FAR_APART = 1.0
"""Distance of the labels, in distances of a cluster from the middle, from which it is told."""


def with_acquisition(
    manifest: Manifest, cache: ImageCache, clusters: int, seed: int = 0
) -> Manifest:
    """Return the manifest with the column ``acquisition``: ``c1`` for the largest cluster, and so on.

    Images of the test split, and those without pixels, belong to none.

    Args:
        manifest: The images, with splits or without.
        cache: Their pixels.
        clusters: How many to look for.
        seed: Of the search; with the same images and seed the clusters are the same, in whatever
            order the rows stand.

    Raises:
        DataError: If no such clusters can be found.
    """
    table = manifest.table
    readable = cache.readable[cache.rows_of(table["image_id"].tolist())]
    rows = table[readable & table["split"].ne("test").to_numpy()].sort_values("image_id")
    label = rows["label"].to_numpy(np.int64)
    found = find_clusters(appearance(rows, cache), label, clusters, seed)
    names = dict(zip(rows["image_id"], (f"c{each + 1}" for each in found.cluster), strict=True))
    column = table["image_id"].map(names).fillna("")
    notices = [Notice("acquisition_found", clusters=found.found, shared=found.shared)]
    if found.found < found.asked:
        notices.append(Notice("acquisition_fewer", clusters=found.found, asked=found.asked))
    if found.apart > FAR_APART:
        notices.append(Notice("acquisition_apart", apart=found.apart))
    return manifest.with_table(table.assign(**{ACQUISITION: column}), *notices)
