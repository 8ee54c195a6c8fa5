"""The settings of the commands that need no trained run to be read: each a small tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medcnn.calibration.settings import Safeguards
from medcnn.data.settings import SEED, Data, Moved
from medcnn.inference.settings import DEVICE, Inference
from medcnn.models.settings import Model
from medcnn.settings.fields import Component, inline, setting

SHARE = {"above": 0, "below": 1}
EXTERNAL = "external"
"""What the split of images is called that are none of the run's."""


@dataclass(frozen=True)
class Audit:
    """``medcnn audit``."""

    seed: int = setting(0, "of whatever is drawn", **SEED)
    output: Path = setting(Path("audit.json"), "the JSON file")
    data: Data = setting(Data(), "the images")


@dataclass(frozen=True)
class Check:
    """``medcnn check``."""

    what: Literal["layers", "dicom"] = setting(
        "layers", "layers: against torch autograd; dicom: the reader, case by case"
    )
    names: tuple[str, ...] = setting(
        (), "layers, those of your own as package.Class, or DICOM cases; null: all"
    )
    output: Path | None = setting(
        None, "a JSON file beside the printed table; FILE.md for a page (dicom)"
    )


@dataclass(frozen=True)
class Diagnose:
    """``medcnn diagnose``."""

    run: Path | None = setting(None, "RUN_DIR, finished or not")
    curves: Path | None = setting(
        None, "FILE.csv with train_loss, val_loss … of any framework, one row an epoch"
    )
    figures: bool = setting(
        True, "look into the model of a finished run too: filters, activations, gradients"
    )
    output: Path | None = setting(None, "a JSON file; null: diagnosis.json in the run")


@dataclass(frozen=True)
class Doctor:
    """``medcnn doctor``."""

    path: Path | None = setting(
        None, "a file or a folder, searched recursively; null: the installation"
    )
    limit: int | None = setting(
        None, "examine so many files of a large folder, evenly spaced", low=1
    )
    output: Path | None = setting(None, "a JSON file beside the printed text")


@dataclass(frozen=True)
class Plan:
    """``medcnn plan``."""

    sensitivity: float | None = setting(None, "the expected sensitivity", **SHARE)
    specificity: float | None = setting(None, "the expected specificity", **SHARE)
    auroc: float | None = setting(None, "the expected AUROC", **SHARE)
    width: float | None = setting(None, "wanted full width of the interval …", **SHARE)
    null: float | None = setting(None, "… or the value to be excluded, with this power", **SHARE)
    power: float = setting(0.8, "wanted power against null", **SHARE)
    level: float = setting(0.95, "of the interval", **SHARE)
    prevalence: float = setting(0.5, "to turn positives and negatives into a total", **SHARE)
    design_effect: float = setting(1.0, "above 1 where patients have several images", low=1)


@dataclass(frozen=True)
class Show:
    """``medcnn show``."""

    batch_size: int = setting(
        32, "of a model: images a training step, for the memory it takes", low=1, high=65536
    )
    measure: bool = setting(True, "of a model: time each layer on this machine")
    filters: tuple[str, ...] = setting((), "all, or [sobel_vertical,laplacian,…]")
    image: Path | None = setting(
        None,
        "of an augmentation or of filters: the file; null: one of data, or simulated",
    )
    draws: int = setting(
        3, "of an augmentation: how often the whole of it is drawn", low=1, high=100
    )
    seed: int = setting(0, "of an augmentation", **SEED)
    output: Path | None = setting(
        None,
        "a model's JSON file beside the printed table; the gallery of the others",
    )
    data: Data = setting(Data(), "whose images are shown, and how large")
    model: Model | None = setting(None, "the network to show")
    augment: Component | None = setting(None, "the augmentation to show")


@dataclass(frozen=True)
class Population:
    """``medcnn population``."""

    run: Path = setting(Path(), "RUN_DIR; it stays as it is", required=True)
    data: Moved = setting(Moved(), "the run's images")
    output: Path | None = setting(None, "the new run directory; null: RUN_DIR/population")
    batches: int | None = setting(
        None, "training batches to estimate on; null: all", low=1, high=10**9
    )
    device: str = setting("auto", **DEVICE)
    language: Literal["en", "de"] | None = setting(None, "of the report; null: that of the run")


@dataclass(frozen=True)
class Columns:
    """Other names of the columns of a predictions file."""

    label: str | None = setting(None, "0 normal, 1 abnormal")
    p_abnormal: str | None = setting(None, "the probability of abnormal")
    image_id: str | None = setting(None, "of the image")
    patient_id: str | None = setting(None, "of its patient")
    study_id: str | None = setting(None, "of its study")
    split: str | None = setting(None, "train, val or test")


@dataclass(frozen=True)
class Evaluate:
    """``medcnn evaluate``."""

    run: tuple[str, ...] = setting((), "RUN_DIR, or [RUN_A,RUN_B,…] as one ensemble")
    predictions: Path | None = setting(None, "FILE.csv with label and p_abnormal, of any framework")
    columns: Columns = setting(Columns(), "other names in FILE.csv: columns.label=y_true")
    compare: tuple[str, ...] = setting(
        (), "[RUN_A,RUN_B,…] or [RUN,FILE.csv] (predictions, or a reader's image_id,decision)"
    )
    margin: float | None = setting(
        None, "with compare: is the first non-inferior to the second by this margin, 0.05", **SHARE
    )
    readers: Path | None = setting(
        None, "FILE.csv of human decisions: image_id and a column of 0/1 for each reader"
    )
    level: Literal["image", "study", "patient"] = setting("image", "what is counted")
    aggregate: Literal["mean", "max", "noisy_or"] = setting(
        "mean", "the probability of a study or patient from those of its images"
    )
    data: Data | None = setting(
        None, "with run=: data=folder data.root=PATH, images of elsewhere instead of the run's own"
    )
    moved: Path | None = setting(
        None,
        "where the run's own images lie now, if they moved; data.root=PATH without data= says the same",
    )
    split: str | None = setting(
        None,
        "of the run, or of the predictions' split column; null: test. With data=: null: all images; "
        "a split of its release",
    )
    threshold: float | str | None = setting(
        None,
        "null: the run's frozen one; for bare predictions a rule (chosen on its val rows) or a number",
    )
    inference: Inference = inline(Inference())
    safeguards: Safeguards = inline(Safeguards())
    subgroups: tuple[str, ...] = setting(
        ("auto",), "columns to report by; auto: sex, age, view and site where there are"
    )
    output: Path | None = setting(None, "folder for results.json and report.html")
    language: Literal["en", "de"] = setting("en", "of the report")

    @property
    def of(self) -> str:
        """The split that is evaluated; what comes from elsewhere is one."""
        return EXTERNAL if self.data is not None else self.split or "test"
