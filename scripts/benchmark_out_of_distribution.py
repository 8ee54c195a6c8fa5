"""Scores every detector of foreign images on a run's own test split against what is no such image.

    python scripts/benchmark_out_of_distribution.py RUN_DIR [FILE_OR_FOLDER ...]

The corruptions are made of the test images; files given (hands, photographs, other devices) are
cropped and turned to make 32 images of each. Prints the AUROC of each score and the share flagged
at the run's thresholds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from medcnn.calibration.detector import Detector, Measured, score_of
from medcnn.calibration.out_of_distribution import SCORES
from medcnn.data.preparation import cache_images
from medcnn.inference.files import find_images
from medcnn.inference.loading import TrainedModel, load_model
from medcnn.inference.out_of_distribution import load_detector, measure
from medcnn.inference.runs import run_manifest
from medcnn.io import read_image_resized
from medcnn.metrics.auroc import auroc_value
from medcnn.run.directory import RunDir

Images = npt.NDArray[np.float32]
MOST = 400


def corruptions(images: Images, rng: np.random.Generator) -> dict[str, Images]:
    """Return the test images as they should not be."""
    noisy = images + rng.normal(0, 0.15, images.shape).astype(np.float32)
    half = images.copy()
    half[:, :, : half.shape[2] // 2] = 0
    return {
        "inverted": 1 - images,
        "turned by 90°": np.rot90(images, axes=(1, 2)).copy(),
        "upside down": images[:, ::-1].copy(),
        "noisy (sd 0.15)": np.clip(noisy, 0, 1),
        "half black": half,
        "under-exposed (× 0.4)": images * np.float32(0.4),
    }


def crops(path: Path, size: int, exact: bool, rng: np.random.Generator) -> Images:
    """Return 32 crops of one file, of four fifths of its side and turned at random."""
    pixels, _ = read_image_resized(path, size * 5 // 4, exact=exact)
    image = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
    found = []
    for turn in range(32):
        row, column = rng.integers(0, len(image) - size + 1, 2)
        found.append(np.rot90(image[row : row + size, column : column + size], turn % 4))
    return np.stack(found)


def see(model: TrainedModel, detector: Detector, images: Images) -> Measured:
    """Return what the detector measures of the images."""
    parts = [
        measure(model, torch.from_numpy(batch).unsqueeze(1), detector.inputs, model.calibrator)
        for batch in np.array_split(images, max(len(images) // 64, 1))
    ]
    return Measured(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("features", "logit", "p", "deviations")
        )
    )


def columns(detector: Detector, seen: Measured) -> dict[str, npt.NDArray[np.float64]]:
    """Return every score of the images, the pixels' largest deviation among them."""
    scores = {name: score_of(name, detector.features, seen) for name in SCORES}
    return scores | {"pixels": np.abs(seen.deviations).max(axis=1)}


def main() -> None:
    """Print the table."""
    run = RunDir.open(sys.argv[1])
    model, detector = load_model(run), load_detector(run)
    if detector is None:
        sys.exit(f"{run.path} was trained with out_of_distribution=null")
    rng = np.random.default_rng(0)
    rows = run_manifest(run).split("test").head(MOST)
    cache = cache_images(run_manifest(run).with_table(rows), model.settings.data)
    stored = cache.take(cache.rows_of(rows["image_id"].tolist()))
    clean = (stored / np.iinfo(stored.dtype).max).astype(np.float32)
    foreign = corruptions(clean, rng)
    for given in sys.argv[2:]:
        for path in find_images(Path(given)):
            exact = model.settings.data.exact
            foreign[path.name] = crops(path, model.image_size, exact, rng)
    of_clean = see(model, detector, clean)
    ours = columns(detector, of_clean)
    print(f"{len(clean)} test images, flagged: {_flagged(detector, of_clean):.1%}")
    print(f"{'AUROC against':28}{'n':>5}" + "".join(f"{name:>17}" for name in ours) + "   flagged")
    for name, group in foreign.items():
        seen = see(model, detector, group)
        label = np.repeat([0, 1], [len(clean), len(group)])
        theirs = columns(detector, seen)
        values = [auroc_value(label, np.r_[ours[key], theirs[key]]) for key in ours]
        shown = "".join(f"{value:17.3f}" for value in values if value is not None)
        print(f"{name:28}{len(group):5}{shown}{_flagged(detector, seen):10.1%}")


def _flagged(detector: Detector, seen: Measured) -> float:
    return float(detector.flag(seen)["out_of_distribution"].mean())


if __name__ == "__main__":
    main()
