"""The shortcut probe: can the label be told without looking at the lungs?

Two small models are cross-validated by patient. One sees what is known beside the pixels (size, bits,
kind and length of the file, view, sex, age, site, maker); the other the border and the corners of the
image alone. What they can predict, a large network can learn instead of disease (Zech et al., PLoS
Medicine 15(11), 2018; DeGrave et al., Nature Machine Intelligence 3, 2021).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from medcnn.data.cache.images import ImageCache
from medcnn.data.splits.drawing import fold_of_groups
from medcnn.io.array import split_fragment
from medcnn.metrics.auroc import auroc
from medcnn.metrics.estimate import Estimate
from medcnn.notices import Notice

Floats = npt.NDArray[np.float64]

FROM_MANIFEST = (
    *("view", "sex", "age", "site", "institution", "manufacturer", "model", "scanner"),
    *("modality", "laterality", "body_part", "position", "date", "year", "spacing_mm"),
)
"""Columns of a manifest that say nothing of the findings."""
FROM_FACTS = (
    "rows",
    "columns",
    "bits",
    "kind",
    "view",
    "modality",
    "photometric",
    "manufacturer",
    "spacing_mm",
)
ALARM = 0.7
"""Lower bound of the AUROC from which a shortcut is reported: below it discrimination is poor
(Hosmer, Lemeshow and Sturdivant 2013, section 5.2.4), and the posture of the sick alone explains
some."""
MAX_IMAGES = 6000
MIN_PATIENTS = 20
FOLDS = 5
RING, CORNER, UPPER_CORNER = 0.05, 0.2, 0.3
"""Width of the border and of the corners, and height of the upper ones, where markers are placed, as
fractions of the image."""


@dataclass(frozen=True)
class Probe:
    """What one small model could tell.

    Attributes:
        name: ``metadata`` or ``border``.
        sees: What the model was given, in words.
        auroc: Out of fold, with an interval that respects patients.
    """

    name: str
    sees: str
    auroc: Estimate

    def sentence(self) -> list[Notice]:
        """Return the finding, where the lower bound of the AUROC is above ``ALARM``."""
        value, ci = self.auroc.value, self.auroc.ci
        if value is None or ci is None or ci[0] <= ALARM:
            return []
        return [Notice("shortcut", sees=self.sees, value=value, low=ci[0], high=ci[1])]


@dataclass(frozen=True)
class Shortcut:
    """The probes that could be made, and why another could not."""

    probes: tuple[Probe, ...]
    images: int
    reasons: tuple[str, ...] = ()

    def findings(self) -> list[Notice]:
        """Return one sentence for each shortcut."""
        return [text for probe in self.probes for text in probe.sentence()]

    def to_json(self) -> dict[str, Any]:
        """Return the larger AUROC and each of them."""
        best = max(self.probes, key=lambda probe: probe.auroc.value or 0.0, default=None)
        return {
            "auroc": best.auroc.to_json() if best else None,
            "probe": best.name if best else None,
            "images": self.images,
            "alarm": ALARM,
            "not_checked": list(self.reasons),
        } | {
            probe.name: {"auroc": probe.auroc.to_json(), "sees": probe.sees}
            for probe in self.probes
        }


NOT_PROBED = Shortcut((), 0, ("shortcuts: they were not asked for",))


def probe_shortcuts(table: pd.DataFrame, cache: ImageCache, *, seed: int = 0) -> Shortcut:
    """Return what metadata and the border tell of the label, on training and validation images.

    At most 6,000 images are taken, at random; the test split is not looked at.
    """
    rows = table[table["split"].ne("test")]
    if len(rows) > MAX_IMAGES:
        rows = rows.sample(MAX_IMAGES, random_state=seed)
    rows = rows.reset_index(drop=True)
    patients = rows.groupby("patient_id")["label"].max()
    if len(rows) == 0 or min((patients == 0).sum(), (patients == 1).sum()) < MIN_PATIENTS:
        reason = f"shortcuts: fewer than {MIN_PATIENTS} patients of a class to train on"
        return Shortcut((), len(rows), (reason,))
    at = cache.rows_of(rows["image_id"].tolist())
    known = metadata(rows, cache.facts_of(at, FROM_FACTS))
    border = border_pixels(cache, at)
    probes, reasons = [], []
    # One thread: a team of OpenMP threads must not be alive when loaders fork.
    with threadpool_limits(1):
        if known.shape[1]:
            names = ", ".join(map(str, known.columns))
            sees = f"metadata ({names})"
            probes.append(Probe("metadata", sees, _out_of_fold(rows, known, _trees, seed)))
        else:
            reasons.append("shortcuts in metadata: nothing is known that varies")
        estimate = _out_of_fold(rows, border, _logistic, seed)
        probes.append(Probe("border", "the border", estimate))
    return Shortcut(tuple(probes), len(rows), tuple(reasons))


def metadata(rows: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Return the known columns that vary, numbers as they are and words as categories."""
    known = facts.reset_index(drop=True)
    for name in FROM_MANIFEST:
        if name in rows and rows[name].nunique() > 1:
            known[name] = rows[name].to_numpy()
    known["bytes"] = [_length(path) for path in rows["path"]]
    columns = {name: _as_feature(known[name]) for name in known}
    return pd.DataFrame({name: column for name, column in columns.items() if column.nunique() > 1})


def border_pixels(cache: ImageCache, at: npt.NDArray[np.int64]) -> Floats:
    """Return strips along the border in 2×16 cells, corners in 6×6, and what is brightest in each.

    The cells see collimation and posture, the extremes a marker wherever it stands; N×320.
    """
    features = np.empty((len(at), 4 * (2 * 16 + 6) + 4 * (6 * 6 + 6)), np.float64)
    for start in range(0, len(at), 256):
        for offset, image in enumerate(cache.take(at[start : start + 256])):
            features[start + offset] = _around(image)
    return features


def _around(image: npt.NDArray[np.unsignedinteger[Any]]) -> Floats:
    side = len(image)
    ring, corner, tall = (max(round(part * side), 1) for part in (RING, CORNER, UPPER_CORNER))
    strips = (image[:ring], image[-ring:], image[:, :ring].T, image[:, -ring:].T)
    corners = (
        image[part, other]
        for part in (slice(tall), slice(-corner, None))
        for other in (slice(corner), slice(-corner, None))
    )
    cells = [_cells(strip, 2, 16) for strip in strips] + [_cells(part, 6, 6) for part in corners]
    return np.concatenate(cells)


def _cells(part: npt.NDArray[np.unsignedinteger[Any]], rows: int, columns: int) -> Floats:
    wide = part.astype(np.float32)
    small = cv2.resize(wide, (columns, rows), interpolation=cv2.INTER_AREA)
    fine = wide - cv2.GaussianBlur(wide, (0, 0), max(min(part.shape) / 4, 0.5))
    extremes = [*np.percentile(wide, [0, 50, 100]), wide.std(), fine.max(), fine.std()]
    return np.concatenate([np.asarray(small, np.float64).ravel(), extremes])


def _as_feature(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().sum() >= max(column.replace("", np.nan).notna().sum(), 1):
        return numbers.astype(float)
    words = column.astype(object).where(column.notna(), "").astype(str)
    common = words.value_counts().index[:200]
    return words.where(words.isin(common), "other").astype("category")


def _length(path: str) -> float:
    file, fragment = split_fragment(path)
    # One archive for all images says nothing of a single one.
    return float("nan") if fragment else float(os.stat(file).st_size)  # noqa: PTH116  as cache_key


def _out_of_fold(
    rows: pd.DataFrame,
    features: pd.DataFrame | Floats,
    make: Callable[[int], Any],
    seed: int,
) -> Estimate:
    places = fold_of_groups(rows, FOLDS, seed, (), "patient_id")
    fold = rows["patient_id"].map(places).to_numpy()
    label = rows["label"].to_numpy(dtype=np.int64)
    score = np.empty(len(rows))
    for number in range(FOLDS):
        held = fold == number
        model = make(seed).fit(features[~held], label[~held])
        # Ranks, not values, are pooled: each fold's model has a scale of its own.
        raw = pd.Series(model.predict_proba(features[held])[:, 1])
        score[held] = (raw.rank() - 0.5) / len(raw)
    cluster = pd.factorize(rows["patient_id"])[0].astype(np.int64)
    return auroc(label, score, cluster=cluster)


def _trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=15,
        categorical_features="from_dtype",
        early_stopping=False,
        random_state=seed,
    )


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(), LogisticRegression(C=0.03, max_iter=200, random_state=seed)
    )
