"""What medcnn adapt buys in other places: sensitivity and specificity by the number of labels.

A run looks at the images of each manifest, one a place. N labelled cases are drawn by patient, again
and again; calibrator and threshold are refitted to them as medcnn adapt does. AUROC, sensitivity and
specificity are of the cases that were not drawn, at the frozen threshold (labels 0) and the new.
With --head the last layer is refitted too, and what it adds is the difference on the same draws.

python scripts/adapt_by_labels.py RUN_DIR PLACE.csv … --labels 25 50 100 200 --repeats 50 [--head]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.adaptation.adapt import at_home, draw_labelled
from medcnn.adaptation.answers import answers_of
from medcnn.adaptation.head import Heads
from medcnn.adaptation.images import read_elsewhere
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.local import refit
from medcnn.calibration.local_head import FEWEST
from medcnn.data.manifest import Manifest
from medcnn.data.settings import Data, Source
from medcnn.errors import DataError, MedcnnError
from medcnn.inference.runs import assemble
from medcnn.inference.settings import Inference
from medcnn.metrics.auroc import auroc_value
from medcnn.run.directory import RunDir

Labels = npt.NDArray[np.int64]
Called = npt.NDArray[np.bool_]
Rates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """The cases of a place, and how the run judges them."""

    manifest: Manifest
    table: pd.DataFrame
    judgement: Judgement
    heads: Heads | None


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="RUN_DIR")
    parser.add_argument("places", type=Path, nargs="+", help="a manifest of each place")
    parser.add_argument("--labels", type=int, nargs="+", default=[25, 50, 100, 200])
    parser.add_argument("--repeats", type=int, default=50, help="draws of the labelled cases")
    parser.add_argument("--head", action="store_true", help="refit the last layer too")
    given = parser.parse_args()
    run = RunDir.open(given.run)
    print("| place | labels | AUROC | sensitivity | specificity | Youden's index | the head adds |")
    print("|---|---|---|---|---|---|---|")
    try:
        for path in given.places:
            _print_place(path, run, _look(run, path, given.head), given)
    except MedcnnError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _look(run: RunDir, path: Path, head: bool) -> Place:
    source = Source("medcnn.data.sources.manifest_csv.read", {"root": str(path)})
    data = Data(name="manifest", root=str(path), source=source, audit="off")
    images, panel = read_elsewhere([run], data), assemble([run], Inference())
    found = answers_of(panel, run, images, split="test", batch_size=64)
    every = np.ones(len(found.table), dtype=np.bool_)
    heads = Heads.of(panel, images, every, 64, 0) if head else None
    return Place(images.manifest, found.table, panel.judgement, heads)


def _print_place(path: Path, run: RunDir, place: Place, given: argparse.Namespace) -> None:
    label = place.table["label"].to_numpy(np.int64)
    p, threshold = place.table["p_abnormal"].to_numpy(np.float64), place.judgement.threshold
    _print_row(path, "0", np.array([_rates(label, p, p >= threshold.value)]))
    for labels in given.labels:
        plain, headed = _refitted(run, place, labels, given.repeats)
        _print_row(path, str(labels), plain)
        if len(headed):
            _print_row(path, f"{labels} and the head", headed)


def _print_row(path: Path, labels: str, rates: Rates) -> None:
    cells = [f"{each.mean():.3f} ± {each.std():.3f}" for each in rates.T]
    name = path.parent.name if path.stem == "manifest" else path.stem
    print(f"| {name} | {labels} | {' | '.join(cells)} |", flush=True)


def _refitted(run: RunDir, place: Place, labels: int, repeats: int) -> tuple[Rates, Rates]:
    """Return the rates of each draw on the cases that were not drawn, and with the head refitted.

    The latter have one more column: what the head adds to Youden's index.
    """
    start, _ = at_home(run, place.judgement)
    logit = place.table["logit"].to_numpy(np.float64)
    label, rule = place.table["label"].to_numpy(np.int64), place.judgement.threshold.rule
    plain, headed = [], []
    for seed in range(repeats):
        drawn = draw_labelled(place.manifest, labels, seed)
        learnt = [(logit[drawn], logit[~drawn])]
        if place.heads is not None and np.bincount(label[drawn], minlength=2).min() >= FEWEST:
            learnt.append(place.heads.learn(drawn))
        try:
            fitted = [refit(start, inside, label[drawn], rule) for inside, _ in learnt]
        except DataError:  # too few of a class among so few labels
            continue
        rates = []
        for found, (_, outside) in zip(fitted, learnt, strict=True):
            p = found.calibrator.probability(outside)
            rates.append(_rates(label[~drawn], outside, p >= found.threshold.value))
        plain.append(rates[0])
        headed += [[*rates[1], rates[1][-1] - rates[0][-1]]] if rates[1:] else []
    return np.array(plain), np.array(headed)


def _rates(label: Labels, score: Rates, called: Called) -> list[float]:
    sensitivity = float(called[label == 1].mean())
    specificity = float((~called[label == 0]).mean())
    area = auroc_value(label, score) or 0.0
    return [area, sensitivity, specificity, sensitivity + specificity - 1]


if __name__ == "__main__":
    sys.exit(main())
