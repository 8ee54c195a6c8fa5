"""The group ``data``: which images, how they are split and how they are read.

Nothing here imports pandas, so that a slip in a value is answered at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medcnn.settings.fields import Component, setting

SEED = {"low": 0, "high": 2**32 - 1}
FRACTION = {"above": 0, "below": 1}
PATIENT = "patient"
ACQUISITION = "acquisition"
"""The column of clusters of images that were made alike."""
LEAST_SOURCES = 3
"""Sources without which nothing can be said of a further one."""


@dataclass(frozen=True)
class Source(Component):
    """What reads one source, and its options."""

    normal: tuple[str, ...] = setting((), "names of class folders that are normal")
    abnormal: tuple[str, ...] = setting((), "names of class folders that are abnormal")


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are called where they are not called as the manifest has them."""

    path: str | None = setting(None, "the image: a path, or a name in data.images")
    label: str | None = setting(None, "0 and 1, or words of findings")
    patient_id: str | None = setting(None, "the patient; else from DICOM headers")
    image_id: str | None = setting(None, "a unique name; else the path")
    study_id: str | None = setting(None, "the study; else from DICOM headers")
    view: str | None = setting(None, "PA, AP, lateral, …; else from DICOM headers")
    split: str | None = setting(None, "train, val or test; else they are drawn by patient")

    def given(self) -> dict[str, str]:
        """Return the name in the table of each column that was told."""
        told = dataclasses.asdict(self)
        return {name: str(theirs) for name, theirs in told.items() if theirs is not None}


@dataclass(frozen=True)
class Moved:
    """Where the images of a run lie now."""

    root: Path | None = setting(
        None, "where the run's images lie now, if they moved; null: where they were"
    )


@dataclass(frozen=True)
class Data:
    """What every data set shares, and the source it comes from."""

    name: str = setting("", "of the data set, as the group has it")
    image_size: int = setting(
        128, "pixels a side, after the whole image is resized to a square", low=16, high=4096
    )
    batch_size: int = setting(32, "images of one step", low=2, high=65536)
    num_workers: Literal["auto"] | int = setting(
        "auto", "processes that load batches; auto: by the number of cores", low=0, high=256
    )
    normalize: Literal["dataset", "image", "histogram", "local"] = setting(
        "dataset",
        "by the training images' mean and sd, by the image's own, histograms matched, or each pixel by "
        "its surroundings",
    )
    augment_on: Literal["auto", "loader", "device"] = setting(
        "auto",
        "loader: by OpenCV where batches are made; device: where the model is; auto: on a GPU",
    )
    exact: bool = setting(False, "decode at full resolution before resizing")
    cache_dir: str | None = setting(None, "null: $MEDCNN_CACHE, or ~/.cache/medcnn")
    val_fraction: float = setting(
        0.15, "of the patients, where the source has no validation split", **FRACTION
    )
    test_fraction: float = setting(
        0.15, "of the patients, where the source has no test split", **FRACTION
    )
    stratify: tuple[str, ...] = setting(
        (), "columns to balance over the splits, besides the label; numbers by quartile"
    )
    group: str = setting("patient_id", "what never stands on both sides of a split")
    by_date: str | None = setting(None, "a date column: the newest patients become the test split")
    hold_out: tuple[str, ...] = setting(
        (), "these patients become the test split, for example [site:B,site:C]"
    )
    official: bool = setting(True, "false: forget the splits that the source comes with")
    folds: int | None = setting(
        None, "k-fold cross-validation: the number of folds", low=2, high=1000
    )
    fold: Literal["all"] | int | None = setting(
        None, "which of the folds is held out, from 0; all: one after the other", low=0, high=999
    )
    fold_by: str = setting(
        PATIENT,
        "patient | site | acquisition | a column: each fold is tested on sources that it never saw",
        holds=bool,
        expected="patient, acquisition, or a column of the manifest such as site, scanner or year",
    )
    acquisitions: int | None = setting(
        None,
        "clusters of images made alike, found as the column acquisition; null: one a fold by it",
        low=LEAST_SOURCES,
        high=1000,
    )
    split_seed: int = setting(
        0,
        "draws the splits, apart from the training's seed: members of an ensemble share them",
        **SEED,
    )
    split: str | None = setting(None, "a split file (image_id, split) of an earlier run")
    audit: Literal["error", "warn", "off"] = setting("error", "error: stop at a leak")
    hash_patients: bool = setting(
        False, "patient and study ids leave hashed, with the salt in $MEDCNN_SALT"
    )
    deduplicate: bool = setting(
        False, "drop the training side of images and patients on both sides of a split"
    )
    exclude: tuple[str, ...] = setting(
        (), "patterns of files to leave out, for example [masks,'*/old/*','*_copy.png']"
    )
    balance: Literal["none", "sampler", "weights"] = setting(
        "none", "of the classes: drawn alike, or weighted in the loss"
    )
    balance_by: tuple[str, ...] = setting(
        (),
        "with sampler: columns whose groups are drawn alike in each class: [site], [acquisition]",
    )
    limit: int | None = setting(
        None,
        "a smoke test on about so many images, patients whole; its report is marked as no result",
        low=20,
        high=10**9,
    )
    columns: Columns = setting(Columns(), "what data=manifest finds under other names")
    images: str | None = setting(
        None, "data=manifest: the folder that its paths start at; null: that of the file"
    )
    sources: tuple[str, ...] = setting((), "several sources as one, for example [nih,rsna] …")
    roots: Mapping[str, str | None] = setting({}, "… each from its own folder or file")
    options: Mapping[str, Any] = setting(
        {}, "… and with its own options: +data.options.chexpert.uncertain=u_zeros"
    )
    root: str | None = setting(None, "the folder or file of the data set")
    source: Source | None = setting(None, "what reads it, and its own options")

    @property
    def is_whole(self) -> bool:
        """Whether all folds are asked for by one command."""
        return self.fold == "all"

    @property
    def one_fold(self) -> int | None:
        """The fold that is held out; None without folds."""
        return self.fold if isinstance(self.fold, int) else None

    @property
    def folds_by_source(self) -> bool:
        """Whether each fold is tested on sources that it never saw."""
        return self.fold is not None and self.fold_by != PATIENT
