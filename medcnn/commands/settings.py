"""The settings of the commands that need no trained run to be read: each a small tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medcnn.data.settings import SEED, Data
from medcnn.models.settings import Model
from medcnn.settings.fields import Component, setting

SHARE = {"above": 0, "below": 1}


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
