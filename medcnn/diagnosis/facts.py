"""What the rules know of a run beside its curves (sizes, settings and scores), and what they find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import yaml

from medcnn.diagnosis.curves import auroc_error
from medcnn.metrics.auroc import auroc
from medcnn.metrics.estimate import Estimate
from medcnn.predictions import clusters_of
from medcnn.record.record import Record
from medcnn.run.directory import RunDir

ENTROPY = ("bce", "cross_entropy")
"""Losses whose value at chance is the entropy of the prevalence."""


@dataclass(frozen=True)
class Split:
    """The size of a split by class."""

    normal: int = 0
    abnormal: int = 0

    @property
    def n(self) -> int:
        """All of its images."""
        return self.normal + self.abnormal

    @property
    def prevalence(self) -> float:
        """The share of abnormal images; NaN for an empty split."""
        return self.abnormal / self.n if self.n else float("nan")

    def beats_chance(self, auroc: float) -> bool:
        """Return whether an AUROC on this split lies three standard errors above one half."""
        error = auroc_error(0.5, self.abnormal, self.normal)
        return bool(auroc > 0.5 + 3 * (error if np.isfinite(error) else 0.05))


@dataclass(frozen=True)
class Score:
    """An AUROC with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Facts:
    """A run's sizes, settings and scores; what is not known keeps its default.

    Attributes:
        settings: The resolved configuration, plain values.
        train: Sizes of the training split.
        val: Sizes of the validation split.
        val_score: AUROC on validation, of the weights that were kept.
        test_score: AUROC on test.
        test_prevalence: Share of abnormal images in test; NaN where unknown.
        leaks: Images or patients that the audit found on both sides of a split.
        interrupted: Whether the training neither reached its last epoch nor stopped by patience.
        dead: Share of the channels after activations that are 0 for every image looked at.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    train: Split = Split()
    val: Split = Split()
    val_score: Score | None = None
    test_score: Score | None = None
    test_prevalence: float = float("nan")
    leaks: int = 0
    interrupted: bool = False
    dead: float | None = None

    def setting(self, key: str, default: Any = None) -> Any:
        """Return the value of a dotted key, or ``default`` where there is none."""
        value: Any = self.settings
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return default if value is None else value

    def allowed(self, *overrides: str) -> tuple[str, ...]:
        """Return those overrides whose key the configuration of the run has.

        Optimisers, schedules and models differ in their options. Where the configuration is not
        known, all are returned.
        """
        return tuple(
            text for text in overrides if not self.settings or self._has(text.partition("=")[0])
        )

    def _has(self, key: str) -> bool:
        value: Any = self.settings
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                return False
            value = value[part]
        return True

    def changes(self, override: str) -> bool:
        """Return whether an override would change anything of the run."""
        key, _, text = override.partition("=")
        if key == "data.folds" and self.setting(key) is not None:
            return False  # the run is one of the folds already
        return not self._has(key) or self.setting(key) != yaml.safe_load(text)

    @property
    def lr(self) -> float:
        """The base learning rate."""
        return float(self.setting("optimizer.lr", 1e-3))

    @property
    def chance(self) -> float | None:
        """The loss of always answering the prevalence, or None where the loss is not an entropy.

        Weights of classes, smoothed labels and mixed images move it, so they leave it unknown.
        """
        loss = self.setting("loss", {})
        plain = not any(
            loss.get(key)
            for key in ("terms", "label_smoothing", "positive_weight", "class_weights")
        )
        if not plain or loss.get("name") not in ENTROPY or not 0 < self.train.prevalence < 1:
            return None
        if self.setting("data.balance", "none") != "none" or self.mixes:
            return None
        if self.setting("robust.by"):
            return None
        p = self.train.prevalence
        return float(-p * np.log(p) - (1 - p) * np.log(1 - p))

    @property
    def mixes(self) -> bool:
        """Whether training images are mixed with each other."""
        return bool({"mixup", "cutmix"} & set(self.operators))

    @property
    def operators(self) -> list[str]:
        """The names of the augmentations in use."""
        found = self.setting("augment.operators", {})
        return [name for name, options in found.items() if options is not None]

    @property
    def handicaps(self) -> list[str]:
        """What makes the training loss higher than the same weights deserve, in words."""
        found = []
        if self.operators:
            found.append("augmentation")
        if self.setting("model.dropout", 0):
            found.append("dropout")
        if self.setting("loss.label_smoothing", 0):
            found.append("label smoothing")
        return found


SEVERITIES = ("problem", "caution", "note", "good")
"""From what spoils the result to what is well."""


@dataclass(frozen=True)
class Finding:
    """What the curves show.

    Attributes:
        name: A stable word, such as ``over_fitting``.
        severity: One of ``SEVERITIES``.
        says: What it means, in one sentence.
        evidence: The numbers that it rests on.
        overrides: What to try next, the first first; each is an argument of ``train.py``.
        epoch: The epoch that it points at, from 0, or None.
    """

    name: str
    severity: str
    says: str
    evidence: str
    overrides: tuple[str, ...] = ()
    epoch: int | None = None


def rate(value: float) -> str:
    """Return the override of a learning rate, two digits.

    >>> rate(0.00030000000000000003)
    'optimizer.lr=0.0003'
    """
    return f"optimizer.lr={float(f'{value:.2g}'):g}"


def read_facts(run: RunDir) -> Facts:
    """Return what a run directory tells, finished or not."""
    record = Record(run)
    sizes = _sizes(record)
    finished = run.results.is_file()
    judged = finished and record.config.get("task") != "autoencoder"
    results = record.results if judged else None
    return Facts(
        settings=record.config,
        train=sizes.get("train", Split()),
        val=sizes.get("val", Split()),
        val_score=_val_score(record),
        test_score=_score(results.auroc) if results and results.split == "test" else None,
        test_prevalence=results.prevalence if results else float("nan"),
        leaks=record.audit.leaks if run.audit.is_file() else 0,
        interrupted=not finished,
    )


def _sizes(record: Record) -> dict[str, Split]:
    if not record.paths.manifest.is_file():
        return {}
    return {
        str(name): Split(int((rows["label"] == 0).sum()), int((rows["label"] == 1).sum()))
        for name, rows in record.manifest.table.groupby("split")
    }


def _val_score(record: Record) -> Score | None:
    if not record.paths.predictions("val").is_file():
        return None
    table = record.predictions("val")
    label, p = table["label"].to_numpy(np.int64), table["p_abnormal"].to_numpy(np.float64)
    found = auroc(label, p, cluster=clusters_of(table["patient_id"]))
    return _score(found)


def _score(found: Estimate) -> Score | None:
    if found.value is None or found.ci is None:
        return None
    return Score(found.value, *found.ci)
