"""A seeded run directory as training leaves it: images, predictions, results, curves, audit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from medcnn.evaluation.results import Results, evaluate
from medcnn.files.records import to_json
from medcnn.metrics.thresholds import Threshold
from medcnn.run.directory import RunDir, write_json, write_text

WARNINGS = [
    "model.weights=auto: no ImageNet weights were found, so the backbone starts from random weights.",
    'The audit found 2 groups of near duplicates; see "audit.json" <findings>.',
]
CONFIG = """\
seed: 7
experiment: xray_resnet
model:
  name: resnet18
  weights: auto
  dropout: 0.2
data:
  source: phantom
  image_size: 128
  seed: 7
optimizer:
  name: adamw
  lr: 0.0005
trainer:
  max_epochs: 14
"""


def thorax(rng: np.random.Generator, abnormal: bool, size: int = 128) -> np.ndarray:
    """Return a crude chest X-ray, H×W uint8: bright body, two dark lungs, maybe an opacity."""
    y, x = np.mgrid[0:size, 0:size] / size
    image = 0.16 + 0.55 * (((x - 0.5) / 0.46) ** 2 + ((y - 0.62) / 0.6) ** 2 < 1)
    for centre in (0.3, 0.7):
        lung = ((x - centre) / 0.15) ** 2 + ((y - 0.47) / 0.29) ** 2 < 1
        image = np.where(lung, 0.24 + 0.06 * np.sin(26 * y), image)
    image += 0.22 * np.exp(-(((x - 0.5) / 0.05) ** 2))
    image += 0.2 * np.exp(-(((x - 0.58) / 0.11) ** 2) - ((y - 0.6) / 0.13) ** 2)
    if abnormal:
        cx, cy = rng.choice([0.3, 0.7]) + rng.normal(0, 0.03), rng.uniform(0.3, 0.62)
        image += 0.3 * np.exp(-(((x - cx) / 0.07) ** 2) - ((y - cy) / 0.07) ** 2)
    image = cv2.GaussianBlur(image, (0, 0), 1.6) + rng.normal(0, 0.015, image.shape)
    return np.clip(255 * image, 0, 255).astype(np.uint8)


def make_manifest(folder: Path, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Write n images and return their manifest, some patients with several images."""
    folder.mkdir(parents=True)
    patients = rng.integers(0, int(n * 0.8), n)
    place = pd.Series(patients).map(dict(enumerate(rng.random(n))))
    label = (rng.random(n) < 0.42).astype(int)
    for row in range(n):
        path = folder / f"case_{row:04d}.png"
        cv2.imwrite(str(path), thorax(rng, bool(label[row])))
    return pd.DataFrame(
        {
            "image_id": [f"case_{row:04d}" for row in range(n)],
            "path": [str(folder / f"case_{row:04d}.png") for row in range(n)],
            "label": label,
            "patient_id": [f"P{patient:04d}" for patient in patients],
            "study_id": [f"S{row:04d}" for row in range(n)],
            "view": rng.choice(["PA", "AP"], n),
            "split": np.select([place < 0.25, place < 0.4], ["train", "val"], "test"),
            "sex": rng.choice(["F", "M"], n),
        }
    )


def make_predictions(manifest: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return five members' scores and their uncertainty for every row."""
    label = manifest["label"].to_numpy()
    logit = rng.normal(np.where(label == 1, 1.5, -1.7), 1.35)
    members = 1 / (1 + np.exp(-(logit + rng.normal(0, 0.55, (5, len(label))))))
    mean = members.mean(0)
    table = manifest[["image_id", "patient_id", "label", "split"]].copy()
    table["p_abnormal"] = mean
    table["entropy"] = _entropy(mean)
    table["expected_entropy"] = _entropy(members).mean(0)
    table["mutual_information"] = (table["entropy"] - table["expected_entropy"]).clip(lower=0)
    table["std"] = members.std(0)
    return table.assign(**{f"member_{index}": member for index, member in enumerate(members)})


def _entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(p) + (1 - p) * np.log(1 - p))


def make_results(test: pd.DataFrame, manifest: pd.DataFrame) -> Results:
    """Return real results with subgroups of the manifest's columns, differences left out."""
    joined = test.merge(manifest[["image_id", "view", "sex"]], on="image_id")
    at = Threshold(0.41, "youden", "val")
    results = evaluate(joined, at, temperature=1.18, subgroups=["sex", "view"])
    return replace(results, subgroups=tuple(replace(each, gaps={}) for each in results.subgroups))


def make_run(path: Path, n: int = 300, seed: int = 0) -> RunDir:
    """Write a whole run directory with n images, 60 % of them on test."""
    rng = np.random.default_rng(seed)
    run = RunDir(path)
    manifest = make_manifest(path / "images", n, rng)
    manifest.to_csv(run.manifest, index=False)
    predictions = make_predictions(manifest, rng)
    (path / "predictions").mkdir()
    for split in ("val", "test"):
        rows = predictions[predictions["split"] == split].reset_index(drop=True)
        rows.to_csv(run.predictions(split), index=False)
        if split == "test":
            write_json(run.results, to_json(make_results(rows, manifest)))
    write_text(run.config, CONFIG)
    write_json(run.environment, _environment())
    write_json(run.audit, _audit(manifest))
    _curves(rng).to_csv(run.metrics, index=False)
    return run


def _environment() -> dict[str, Any]:
    return {
        "command": ["train.py", "experiment=xray_resnet", "seed=7"],
        "started": "2025-01-07T09:12:04+00:00",
        "finished": "2025-01-07T09:15:41+00:00",
        "seconds": {"data": 21.4, "fit": 171.9, "evaluate": 3.1},
        "versions": {"medcnn": "0.1.0", "torch": "2.6.0", "numpy": "2.1.3", "pydicom": "3.0.1"},
        "python": "3.11.9",
        "platform": "Linux x86_64",
        "cpu": "2 cores",
        "device": "cpu",
        "precision": "32-true",
        "threads": 2,
        "workers": 1,
        "commit": "3f9c2ab",
        "dirty": False,
        "seed": 7,
        "weights": {"requested": "auto", "loaded": "none", "source": "random", "sha256": None},
        "data": {
            "source": "phantom",
            "label_policy": "abnormal where any lesion was drawn",
            "citation": "",
            "sha256": "b1946ac92492d2347c6235b4d2611184",
            "cache": "built",
        },
        "warnings": WARNINGS,
        "test_looks": 1,
    }


def _audit(manifest: pd.DataFrame) -> dict[str, Any]:
    return {
        "images": len(manifest) + 2,
        "patients": int(manifest["patient_id"].nunique()),
        "unreadable": ["broken_1.dcm", "broken_2.dcm"],
        "duplicate_groups": 0,
        "near_duplicate_groups": 2,
        "cross_split_duplicates": 0,
        "cross_split_patients": 0,
        "label_conflicts": 0,
        "shortcut": {"auroc": {"value": 0.541, "ci": [0.47, 0.61], "method": "delong"}},
        "verdict": "warn",
        "findings": ["Two groups of near duplicates, each within one split."],
    }


def _curves(rng: np.random.Generator) -> pd.DataFrame:
    epoch = np.arange(14)
    train = 0.69 * np.exp(-epoch / 6) + 0.08 + rng.normal(0, 0.01, 14)
    val = 0.45 * np.exp(-epoch / 3) + 0.27 + 0.012 * np.clip(epoch - 8, 0, None)
    auroc = 0.93 - 0.35 * np.exp(-epoch / 2.5) - 0.004 * np.clip(epoch - 9, 0, None)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "train_loss": train,
            "val_loss": val + rng.normal(0, 0.012, 14),
            "val_auroc": auroc + rng.normal(0, 0.004, 14),
            "lr": 5e-4 * (1 + np.cos(np.pi * epoch / 14)) / 2 + 1e-6,
            "seconds": rng.normal(12, 0.4, 14),
        }
    )


def read_png(path: Path) -> np.ndarray:
    """Return an 8-bit PNG as H×W float32 in [0, 1]."""
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise OSError(f"{path} is not an image")
    return pixels.astype(np.float32) / 255


@pytest.fixture(scope="session")
def built_run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run of 300 images without a report; not to be changed."""
    return make_run(tmp_path_factory.mktemp("runs") / "xray_resnet", 300)


@pytest.fixture
def small_run(tmp_path: Path) -> RunDir:
    """A run of 60 images that a test may change."""
    return make_run(tmp_path / "small_run", 60, seed=3)


@pytest.fixture(scope="session")
def reported_run(built_run: RunDir) -> RunDir:
    """The run of 300 images with its English report."""
    from medcnn.reporting.report import write_report

    write_report(built_run, thumbnail=read_png)
    return built_run
