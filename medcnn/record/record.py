"""What a run left: every file of it, typed, checked against its hash, and read once."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from medcnn.calibration.detector import Detector
from medcnn.calibration.judgement import Judgement
from medcnn.data.manifest import Manifest, build_manifest, read_table
from medcnn.data.moved import relocated
from medcnn.errors import DataError
from medcnn.evaluation.results import Results, read_results
from medcnn.files.plain import read_object
from medcnn.files.tables import read_csv
from medcnn.metrics.thresholds import Threshold
from medcnn.predictions import read_predictions
from medcnn.record.audit import AuditRecord, read_audit
from medcnn.run.directory import RunDir
from medcnn.run.entries import Entries, Environment, read_entries
from medcnn.run.hashes import checked
from medcnn.run.settings import read_config

LEFT = ("val", "test")
"""The splits of which training leaves predictions."""


class Record:
    """The record of a run. Nothing is read before it is asked for, and nothing twice.

    Every file is held against the hash that the run recorded at its end; one that was changed,
    damaged or taken from another run is refused.

    Args:
        path: The directory that ``train.py`` printed at its end, or what ``medcnn.train`` returned.

    Raises:
        UserError: If there is no run there.
    """

    def __init__(self, path: str | os.PathLike[str] | RunDir) -> None:
        given = path if isinstance(path, RunDir) else RunDir(Path(path))
        self.paths = RunDir.open(given.path, given.images)
        self._predictions: dict[str, pd.DataFrame] = {}

    @classmethod
    def open(cls, path: str | os.PathLike[str] | RunDir) -> Self:
        """Return the record of the run at ``path``, as the constructor does."""
        return cls(path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The directory."""
        return self.paths.path

    @cached_property
    def members(self) -> list[Self]:
        """The members of an ensemble, or the folds of a cross-validation; empty for one model."""
        return [type(self)(member) for member in self.paths.members]

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration as plain values, as it was composed."""
        return read_config(self.paths)

    @cached_property
    def manifest(self) -> Manifest:
        """The images with their labels, patients and splits.

        Raises:
            DataError: If the run is an export, which brings no images, and none were named for it.
        """
        images = self.paths.images
        first = (self.paths.members or [self.paths])[0]
        if not self.paths.manifest.is_file() and first.exported_weights.is_file():
            return _of_export(self.paths)
        path = checked(self.paths, self.paths.manifest)
        found = build_manifest(read_table(path), source=str(path))
        if images is None:
            return found
        former = (self.config.get("data") or {}).get("root")
        return relocated(found, images, Path(former) if former else None)

    def predictions(self, split: str) -> pd.DataFrame:
        """Return the predictions of a split that training left: ``val`` or ``test``.

        Raises:
            DataError: If there are none of that split.
        """
        if split not in self._predictions:
            path = self.paths.predictions(split)
            found = read_predictions(checked(self.paths, path) if split in LEFT else path)
            self._predictions[split] = found
        return self._predictions[split]

    @cached_property
    def curves(self) -> pd.DataFrame:
        """The learning curves, one row an epoch; of an ensemble, those of every ``member``."""
        return read_curves(checked(self.paths, self.paths.metrics))

    @cached_property
    def results(self) -> Results:
        """The numbers on the test split, each with its interval."""
        return read_results(self.paths.results)

    @cached_property
    def threshold(self) -> Threshold:
        """The frozen operating point.

        Raises:
            DataError: If its record was changed after the freeze, or the validation predictions are
                no longer those that it was chosen on.
        """
        if self.paths.judgement.is_file():
            threshold = self.judgement.threshold
        else:  # a version that kept no judgement of one model seen once
            facts = read_object(self.paths.results, what="results")
            threshold = Threshold.from_json(facts.get("threshold") or {})
        saved = self.paths.predictions("val")
        if threshold.chosen_on == "val" and threshold.predictions and saved.is_file():
            val = self.predictions("val")
            label, p = val["label"].to_numpy(np.int64), val["p_abnormal"].to_numpy(np.float64)
            if not threshold.chosen_from(label, p):
                raise DataError(
                    f"{saved} does not hold the predictions that the threshold was chosen on.",
                    expected=f"predictions with the digest {threshold.predictions}",
                    found="other labels or probabilities, or another order",
                    remedy="restore the file, or train again",
                )
        return threshold

    @cached_property
    def judgement(self) -> Judgement:
        """How members, views and passes become one answer, and the threshold of it."""
        return Judgement.load(checked(self.paths, self.paths.judgement))

    @cached_property
    def detector(self) -> Detector | None:
        """What tells images from those that the run was trained on; None where it keeps none."""
        path = checked(self.paths, self.paths.out_of_distribution)
        return Detector.load(path) if path.is_file() else None

    @cached_property
    def audit(self) -> AuditRecord:
        """What the audit found in the data."""
        return read_audit(checked(self.paths, self.paths.audit))

    @cached_property
    def journal(self) -> Entries:
        """The course of the run: its command, stages, warnings, and looks at the test split."""
        return read_entries(self.paths)

    @property
    def environment(self) -> Environment:
        """The machine and the software that it was made with."""
        return self.journal.environment


def read_curves(path: Path) -> pd.DataFrame:
    """Return learning curves, one row an epoch, every column a number (NaN where it is empty).

    Raises:
        DataError: If there is no such file, it holds no epoch, or a cell is not a number.
    """
    remedy = "let it train for at least one epoch"
    if path.is_file() and not path.stat().st_size:
        raise DataError(f"{path} has no learning curves.", found="an empty file", remedy=remedy)
    table = read_csv(path, what="learning curves", expected="a row an epoch", remedy=remedy)
    if table.empty:
        raise DataError(f"{path} has no learning curves.", found="no epoch", remedy=remedy)
    for name in map(str, table):
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = numbers.isna() & table[name].notna()
        if wrong.any():
            raise DataError(
                f"{path} has {int(wrong.sum())} values of {name} that are not numbers.",
                expected="learning curves, one row an epoch",
                found=repr(table[name][wrong].iloc[0]),
                remedy="restore the file, or train again",
            )
        table[name] = numbers
    return table


def _of_export(run: RunDir) -> Manifest:
    """Return the images named for an export, each of the test split unless it says another."""
    if run.images is None or run.images.suffix.lower() != ".csv":
        raise DataError(
            f"{run.path} is an export, which brings no images.",
            expected="data.root=FILE.csv with image_id, path and label of images of yours",
            found="none" if run.images is None else str(run.images),
            remedy="name such a table, or take the run itself; predict and evaluate data=… need none",
        )
    table = read_table(run.images)
    if "split" not in table:
        table = table.assign(split="test")
    return build_manifest(table.assign(split=table["split"].fillna("test")), source=str(run.images))
