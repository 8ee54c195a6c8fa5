"""Whether the model looks at the burned-in marker: what painting it over, or one more, changes.

Dimensions: N images, one channel, S×S pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from medcnn.evaluation.explained import Change, MarkerTest, OnMarker
from medcnn.explanations.localization import Mask, area, mass_inside
from medcnn.explanations.marker import Changed, burn_in, find_marker, paint_over
from medcnn.explanations.perturbation import Probability
from medcnn.explanations.subjects import Subjects, pixels_of
from medcnn.metrics.bootstrap import mean_of
from medcnn.metrics.proportions import share
from medcnn.predictions import clusters_of

MATTERS = 0.05
"""A change of the mean probability from which on the model is said to look at the marker."""
FEWEST = 5
"""Patients without whom an interval says too little for a verdict."""
LETTERS = ("L", "R")


def marker_test(
    subjects: Subjects,
    probability: Probability,
    threshold: float,
    *,
    count: int,
    level: float = 0.95,
    seed: int = 0,
) -> MarkerTest:
    """Return how far the probability changes when a marker goes or comes, with intervals.

    Args:
        subjects: Images of both classes, in the order in which they are looked at.
        probability: Of images in [0, 1].
        threshold: From which on an image is called abnormal.
        count: At most so many images with a marker and as many without are changed.
        level: Of the intervals.
        seed: Of the letters and of the intervals.
    """
    letters = np.random.default_rng(seed).choice(LETTERS, len(subjects))
    removed, beside, added = dict[int, Changed](), dict[int, Changed](), dict[int, Changed]()
    looked_at = found = 0
    for row in range(len(subjects)):
        if min(len(removed), len(added)) >= count:
            break
        looked_at += 1
        pixels = pixels_of(subjects.table.iloc[row])
        where = find_marker(pixels)
        found += int(where.any())
        if where.any() and len(removed) < count:
            removed[row] = paint_over(pixels, where, subjects.size)
            # The same patch on the other side of the chest: what painting alone changes.
            beside[row] = paint_over(pixels, where[:, ::-1], subjects.size)
        elif not where.any() and len(added) < count:
            added[row] = burn_in(pixels, str(letters[row]), subjects.size)
    removal, across, insertion = (
        _measured(changes, subjects, probability, threshold, level, seed)
        for changes in (removed, beside, added)
    )
    return MarkerTest(
        looked_at=looked_at,
        with_marker=found,
        removal=removal,
        beside=across,
        insertion=insertion,
        evidence=looks_at_marker(removal, insertion),
    )


def looks_at_marker(removal: Change, insertion: Change) -> tuple[str, ...]:
    """Return which of removal and insertion change the mean probability, surely and by enough."""
    return tuple(
        name
        for name, found in (("removal", removal), ("insertion", insertion))
        for value, ci in [(found.change.value, found.change.ci)]
        if found.n_patients >= FEWEST and value is not None and ci is not None
        if abs(value) >= MATTERS and not ci[0] <= 0 <= ci[1]
    )


def heat_on_marker(
    heat_NSS: npt.NDArray[np.float32], marker_NSS: Mask, patients: pd.Series, level: float
) -> OnMarker:
    """Return the mean share of the heat on the marker, and the share of the image that it covers.

    Args:
        heat_NSS: Of images with a marker.
        marker_NSS: Where it is.
        patients: Of the images.
        level: Of the intervals.
    """
    cluster = clusters_of(patients)
    return OnMarker(
        heat=mean_of(mass_inside(heat_NSS, marker_NSS), cluster, level),
        area=mean_of(area(marker_NSS), cluster, level),
    )


def _measured(
    changes: dict[int, Changed],
    subjects: Subjects,
    probability: Probability,
    threshold: float,
    level: float,
    seed: int,
) -> Change:
    """Return what changes, by the rows of the images, do to the probability."""
    chosen = subjects.of(list(changes))
    before = after = np.zeros(0)
    if changes:
        difference = np.stack([change.difference for change in changes.values()])
        changed = chosen.image_N1SS + torch.from_numpy(difference)[:, None]
        before, after = probability(chosen.image_N1SS), probability(changed.clamp(0, 1))
    return Change(
        n=len(changes),
        n_patients=int(chosen.table["patient_id"].nunique()),
        change=mean_of(after - before, chosen.cluster, level, seed),
        absolute_change=mean_of(np.abs(after - before), chosen.cluster, level, seed),
        flipped=share((before >= threshold) != (after >= threshold), chosen.cluster, level),
    )
