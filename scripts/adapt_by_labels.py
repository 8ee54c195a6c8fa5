"""What medcnn adapt buys in other places: sensitivity and specificity by the number of labels.

A run looks at the images of each manifest, one a place. N labelled cases are drawn by patient, again
and again; calibrator and threshold are refitted to them as medcnn adapt does, and sensitivity and
specificity counted on the cases that were not drawn, at the frozen threshold (labels 0) and the new.

python scripts/adapt_by_labels.py RUN_DIR PLACE.csv … --labels 25 50 100 200 --repeats 50
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
from medcnn.adaptation.images import read_elsewhere
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.local import refit
from medcnn.data.manifest import Manifest
from medcnn.data.settings import Data, Source
from medcnn.errors import DataError, MedcnnError
from medcnn.inference.runs import assemble
from medcnn.inference.settings import Inference
from medcnn.metrics.auroc import auroc_value
from medcnn.run.directory import RunDir

Labels = npt.NDArray[np.int64]
Called = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Place:
    """The cases of a place, and how the run judges them."""

    manifest: Manifest
    table: pd.DataFrame
    judgement: Judgement


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="RUN_DIR")
    parser.add_argument("places", type=Path, nargs="+", help="a manifest of each place")
    parser.add_argument("--labels", type=int, nargs="+", default=[25, 50, 100, 200])
    parser.add_argument("--repeats", type=int, default=50, help="draws of the labelled cases")
    given = parser.parse_args()
    run = RunDir.open(given.run)
    print("| place | AUROC | labels | sensitivity | specificity | Youden's index |")
    print("|---|---|---|---|---|---|")
    try:
        for path in given.places:
            _print_place(path, run, _look(run, path), given)
    except MedcnnError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _look(run: RunDir, path: Path) -> Place:
    source = Source("medcnn.data.sources.manifest_csv.read", {"root": str(path)})
    data = Data(name="manifest", root=str(path), source=source, audit="off")
    images, panel = read_elsewhere([run], data), assemble([run], Inference())
    found = answers_of(panel, run, images, split="test", batch_size=64)
    return Place(images.manifest, found.table, panel.judgement)


def _print_place(path: Path, run: RunDir, place: Place, given: argparse.Namespace) -> None:
    label = place.table["label"].to_numpy(np.int64)
    p, threshold = place.table["p_abnormal"].to_numpy(np.float64), place.judgement.threshold
    area = auroc_value(label, p) or 0.0
    rows = [("0", [_rates(label, p >= threshold.value)])]
    rows += [(str(n), _refitted(run, place, n, given.repeats)) for n in given.labels]
    for labels, rates in rows:
        values = np.array(rates)
        cells = [f"{each.mean():.3f} ± {each.std():.3f}" for each in values.T]
        print(f"| {path.stem} | {area:.3f} | {labels} | {' | '.join(cells)} |", flush=True)


def _refitted(run: RunDir, place: Place, labels: int, repeats: int) -> list[list[float]]:
    """Return the rates of each draw on the cases that were not drawn."""
    start, _ = at_home(run, place.judgement)
    logit = place.table["logit"].to_numpy(np.float64)
    label, rule = place.table["label"].to_numpy(np.int64), place.judgement.threshold.rule
    rates = []
    for seed in range(repeats):
        drawn = draw_labelled(place.manifest, labels, seed)
        try:
            fitted = refit(start, logit[drawn], label[drawn], rule)
        except DataError:  # too few of a class among so few labels
            continue
        called = fitted.calibrator.probability(logit[~drawn]) >= fitted.threshold.value
        rates.append(_rates(label[~drawn], called))
    return rates


def _rates(label: Labels, called: Called) -> list[float]:
    sensitivity = float(called[label == 1].mean())
    specificity = float((~called[label == 0]).mean())
    return [sensitivity, specificity, sensitivity + specificity - 1]


if __name__ == "__main__":
    sys.exit(main())
