"""What members, views and stochastic passes buy, on one test split, at what price.

    python scripts/benchmark_uncertainty.py RUNS_FOLDER [train overrides ...]

Trains five seeds, five folds of the training patients and five snapshots into RUNS_FOLDER (runs that
are there already are taken as they are), then judges one model, test-time augmentation, MC dropout,
each kind of ensemble, and all together on the same test patients. Everything is fitted on validation.
Intervals are of 1000 bootstrap samples of the patients, the same for every row.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy.special import expit
from sklearn.model_selection import StratifiedGroupKFold

import medcnn
from medcnn.inference.runs import assemble, batches_of, run_manifest
from medcnn.inference.settings import AskedViews, Inference
from medcnn.metrics.auroc import auroc_value
from medcnn.metrics.calibration import equal_width_edges, expected_calibration_error, log_losses
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.thresholds import choose_threshold
from medcnn.metrics.uncertainty import aurc, reject
from medcnn.run.directory import RunDir, write_json

Array = npt.NDArray[np.float64]

MEMBERS = 5
SAMPLES = 30
REPLICATES = 1000
RECIPE = [
    "model=tiny_resnet",
    "model.widths=[24,48,96,192]",
    "data.image_size=64",
    "data.batch_size=64",
    "data.audit=warn",
    "augment=radiograph",
    "calibration=platt",
    "scheduler=one_cycle",
    "optimizer.lr=3e-3",
    "callbacks.patience=100",
    "trainer.max_epochs=8",
]


def trained(folder: Path, name: str, overrides: Sequence[str]) -> RunDir:
    """Return the run of that name, trained now unless it is there."""
    run = RunDir(folder / name)
    if not run.results.is_file():
        begun = run.config.is_file()
        medcnn.train([f"resume={run.path}"] if begun else [*overrides, f"run_dir={run.path}"])
    return run


def fold_splits(run: RunDir, folder: Path) -> list[Path]:
    """Write split files that share the run's test patients and divide the others into folds."""
    table = pd.read_csv(run.manifest, dtype={"image_id": str, "patient_id": str})
    part = table[table["split"] != "test"]
    # The file of the run names dropped copies too, which stay where they are.
    whole = pd.read_csv(run.split, dtype=str).set_index("image_id")["split"]
    folds = StratifiedGroupKFold(MEMBERS, shuffle=True, random_state=0)
    paths = []
    for number, (_, val) in enumerate(folds.split(part, part["label"], part["patient_id"])):
        split = whole.replace("val", "train")
        split[part["image_id"].iloc[val]] = "val"
        paths.append(folder / f"fold_{number}.csv")
        split.rename("split").to_csv(paths[-1])
    return paths


def statistics(table: pd.DataFrame, threshold: float) -> dict[str, float]:
    """Return the figures of one set of cases."""
    label = table["label"].to_numpy(np.int64)
    p = table["p_abnormal"].to_numpy(np.float64)
    error = ((p >= threshold) != (label == 1)).astype(np.float64)
    doubt = table["entropy"].to_numpy(np.float64)
    before, edges = expit(table["logit"].to_numpy(np.float64)), equal_width_edges()
    strict = choose_threshold(label, p, "specificity>=0.90").value
    return {
        "AUROC": float(auroc_value(label, p) or np.nan),
        "sens. at spec. 0.90": float((p[label == 1] >= strict).mean()),
        "ECE before": expected_calibration_error(label, before, edges),
        "ECE after": expected_calibration_error(label, p, edges),
        "NLL": float(log_losses(label, p).mean()),
        "AURC": number(aurc(error, doubt).value),
        "errors in the least certain 10 %": number(reject(error, doubt, 0.10).errors_caught),
    }


def number(estimate: Estimate) -> float:
    """Return the value, NaN where it is undefined."""
    return np.nan if estimate.value is None else estimate.value


def intervals(table: pd.DataFrame, threshold: float) -> dict[str, tuple[float, float, float]]:
    """Return each figure with the central 95 % of bootstrap samples of the patients."""
    rows = [np.asarray(found) for found in table.groupby("patient_id").indices.values()]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(REPLICATES):
        chosen = rng.integers(len(rows), size=len(rows))
        sample = table.iloc[np.concatenate([rows[unit] for unit in chosen])]
        if sample["label"].nunique() == 2:
            drawn.append(statistics(sample, threshold))
    spread = pd.DataFrame(drawn).quantile([0.025, 0.975])
    return {
        name: (value, float(spread[name].iloc[0]), float(spread[name].iloc[1]))
        for name, value in statistics(table, threshold).items()
    }


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    """Return what ``action`` returns, and the least of three CPU times in seconds."""
    best, found = np.inf, None
    for _ in range(3):
        started = time.process_time()
        found = action()
        best = min(best, time.process_time() - started)
    return found, best


def main() -> None:
    """Train what is missing, judge every way, print the table and leave it as JSON."""
    folder, overrides = Path(sys.argv[1]), [*RECIPE, *sys.argv[2:]]
    folder.mkdir(parents=True, exist_ok=True)
    seeds = trained(folder, "seeds", [*overrides, f"ensemble.members={MEMBERS}"])
    folds = [
        trained(folder, path.stem, [*overrides, f"data.split={path}"])
        for path in fold_splits(seeds, folder)
    ]
    snapshots = trained(
        folder,
        "snapshots",
        [
            *overrides,
            f"ensemble.members={MEMBERS}",
            "ensemble.kind=snapshots",
            "scheduler=cosine",
            f"scheduler.cycles={MEMBERS}",
            "scheduler.warmup_fraction=0.0",
            "trainer.max_epochs=20",
        ],
    )
    one = [seeds.member(0)]
    ways: dict[str, tuple[list[RunDir], dict[str, Any], int]] = {
        "one model": (one, {}, 1),
        "views (light)": (one, {"tta": "light"}, 5),
        f"MC dropout ({SAMPLES})": (one, {"mc_samples": SAMPLES}, SAMPLES),
        f"{MEMBERS} seeds": ([seeds], {}, MEMBERS),
        f"{MEMBERS} folds": (folds, {}, MEMBERS),
        f"{MEMBERS} snapshots": ([snapshots], {}, MEMBERS),
        "all together": ([seeds], {"tta": "light", "mc_samples": SAMPLES}, MEMBERS * 5 * SAMPLES),
    }
    found: dict[str, Any] = {}
    for name, (runs, asked, passes) in ways.items():
        panel = assemble(runs, Inference(AskedViews(**asked)))
        manifest = run_manifest(runs[0])
        batches = list(batches_of(panel.predictor.members, manifest.split("test"), manifest, 64))
        (cases, logits), seconds = timed(partial(panel.predictor.through, batches))
        table = cases.join(panel.columns(logits))
        figures = intervals(table, panel.threshold.value)
        found[name] = {"passes": passes, "seconds": seconds, "figures": figures}
    show(found)
    write_json(folder / "benchmark_uncertainty.json", found)


def show(found: dict[str, Any]) -> None:
    """Print one row a way."""
    table = Table(title="On the same test patients; 95 % intervals of patients drawn again")
    table.add_column("")
    first = found["one model"]
    for name in (*first["figures"], "passes", "time"):
        table.add_column(name, justify="right")
    for name, row in found.items():
        cells = [f"{v:.4f}\n{low:.4f}–{high:.4f}" for v, low, high in row["figures"].values()]
        times = f"{row['seconds'] / first['seconds']:.2f} ×"
        table.add_row(name, *cells, str(row["passes"]), times)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
