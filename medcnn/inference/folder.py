"""Prediction of files: batches of readings through a trained model, one row a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.progress import track

from medcnn.calibration.detector import Detector
from medcnn.console import CONSOLE
from medcnn.inference.files import Reading, find_images, read_files
from medcnn.inference.loading import TrainedModel, load_run
from medcnn.inference.out_of_distribution import judge_files, load_detector
from medcnn.inference.predictor import binary_entropy
from medcnn.io import Facts
from medcnn.run_dir import RunDir


def predict_files(runs: Sequence[RunDir], options: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row a file: probability, decision at the frozen threshold, or the reason why not."""
    model = load_run(runs[0])
    root = Path(options["input"])
    paths = find_images(root)
    readings = read_files(paths, model.image_size, exact=bool(model.settings["data"]["exact"]))
    shown = track(readings, "predicting", total=len(paths), console=CONSOLE, transient=True)
    detector = load_detector(runs[0])
    rows = list(_rows(model, detector, shown, root, int(options["batch_size"])))
    return pd.DataFrame(rows)


def _rows(
    model: TrainedModel,
    detector: Detector | None,
    readings: Iterable[Reading],
    root: Path,
    batch_size: int,
) -> Iterator[dict[str, Any]]:
    rest = iter(readings)
    while group := list(islice(rest, batch_size)):
        pixels = [reading.pixels for reading in group if reading.pixels is not None]
        facts = [reading.facts for reading in group if reading.facts is not None]
        found = iter(_measured(model, detector, np.stack(pixels), facts) if pixels else ())
        for reading in group:
            name = reading.path.relative_to(root) if root.is_dir() else Path(reading.path.name)
            row: dict[str, Any] = {"image_id": str(name), "patient_id": None, "p_abnormal": None}
            row |= {"decision": None, "threshold": model.threshold.value, "entropy": None}
            row["error"] = str(reading.error) if reading.error else None
            row["warnings"] = None
            if reading.facts is not None:
                row["patient_id"] = reading.facts.patient_id
                row |= next(found)
                value = row["p_abnormal"]
                row["entropy"] = float(binary_entropy(np.array([value]))[0])
                row["decision"] = "abnormal" if value >= model.threshold.value else "normal"
                row["warnings"] = "; ".join(reading.facts.warnings) or None
            yield row


@torch.inference_mode()
def _measured(
    model: TrainedModel,
    detector: Detector | None,
    images_NHW: np.ndarray,
    facts: Sequence[Facts],
) -> list[dict[str, Any]]:
    """Return the probability of each image and, where the run has a detector, its columns."""
    scale = np.float32(1.0 / np.iinfo(images_NHW.dtype).max)
    image = torch.from_numpy(images_NHW.astype(np.float32) * scale).unsqueeze(1)
    if detector is None:
        p = model.calibrator.probability(model(image).double().numpy())
        return [{"p_abnormal": float(value)} for value in p]
    judged, seen = judge_files(model, detector, model.calibrator, image, facts)
    columns = judged.assign(p_abnormal=seen.p).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in columns]
