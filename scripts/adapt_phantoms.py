"""What medcnn adapt buys among phantoms of other places: before and after, by the number of labels.

A classifier is trained on phantoms as usual and tested on those of places that expose, print, mark
and age otherwise. In each place N labelled cases are drawn, again and again; calibrator and threshold
are refitted to them, and sensitivity and specificity counted on the cases that were not drawn.

python scripts/adapt_phantoms.py FOLDER --images 900 --there 600 --repeats 50
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

import medcnn
from medcnn.adaptation.adapt import at_home
from medcnn.calibration import Calibrator
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.local import refit
from medcnn.errors import DataError, MedcnnError
from medcnn.record.record import Record

PLACES = {
    "as at home": [],
    "a tenth of the dose": ["data.source.exposure=0.1"],
    "a fiftieth of the dose": ["data.source.exposure=0.02"],
    "brighter": ["data.source.brightness=0.12"],
    "harder contrast": ["data.source.contrast=1.6"],
    "no markers": ["data.source.marked=0.0"],
    "aged 80": ["data.source.mean_age=80"],
    "all of these": [
        "data.source.exposure=0.1",
        "data.source.brightness=0.12",
        "data.source.contrast=1.6",
        "data.source.marked=0.0",
        "data.source.mean_age=80",
    ],
}
NETWORK = [
    *("data.image_size=64", "data.batch_size=32", "model=tiny_resnet", "model.widths=[16,32,64]"),
    *("model.weights=none", "optimizer.lr=0.003", "trainer.accelerator=cpu", "augment=light"),
]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cases:
    """The cases of a place: the logit of each, its label and its patient."""

    logit: Array
    label: npt.NDArray[np.int64]
    patient: npt.NDArray[np.int64]


def main() -> int:
    """Train where nothing is trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the runs go")
    parser.add_argument("--images", type=int, default=900, help="of home")
    parser.add_argument("--there", type=int, default=600, help="of each other place")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=50, help="draws of the labelled cases")
    parser.add_argument("--labels", type=int, nargs="+", default=[25, 50, 100, 200])
    given = parser.parse_args()
    try:
        return _tables(given)
    except MedcnnError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _tables(given: argparse.Namespace) -> int:
    home = given.folder / "home"
    phantoms = ["data=phantom", "data.source.size=96", "data.source.difficulty=0.0"]
    if not (home / "results.json").is_file():
        words = ["experiment=xray_resnet", *phantoms, *NETWORK, f"run_dir={home}"]
        count, epochs = f"data.source.n_images={given.images}", f"trainer.max_epochs={given.epochs}"
        medcnn.train([*words, count, epochs])
    record = Record(home)
    print("| place | labels | sensitivity | specificity | sensitivity + specificity - 1 |")
    print("|---|---|---|---|---|")
    for seed, (name, options) in enumerate(PLACES.items(), start=100):
        out = given.folder / "places" / name.replace(" ", "_")
        if not (out / "predictions.csv").is_file():
            words = [f"run={home}", *phantoms, *options, f"data.source.seed={seed}"]
            more = [f"data.source.n_images={given.there}", "data.audit=off", f"output={out}"]
            medcnn.evaluate([*words, *more])
        table = pd.read_csv(out / "predictions.csv")
        cases = Cases(
            table["logit"].to_numpy(np.float64),
            table["label"].to_numpy(np.int64),
            pd.factorize(table["patient_id"])[0].astype(np.int64),
        )
        start, _ = at_home(record.paths, record.judgement)
        for labels, numbers in _of_place(cases, record.judgement, start, given):
            shown = " | ".join(f"{mean:.3f} ± {sd:.3f}" for mean, sd in numbers)
            print(f"| {name} | {labels} | {shown} |", flush=True)
    return 0


def _of_place(
    cases: Cases, judgement: Judgement, start: Calibrator, given: argparse.Namespace
) -> list[tuple[str, list[tuple[float, float]]]]:
    """Return mean and standard deviation over draws, without labels and by their number."""
    p = judgement.calibrator.probability(cases.logit)
    found = [("0", _spread([_rates(cases.label, p >= judgement.threshold.value)]))]
    for labels in given.labels:
        rates = []
        for repeat in range(given.repeats):
            drawn = _drawn(cases.patient, labels, repeat)
            try:
                fitted = refit(
                    start,
                    cases.logit[drawn],
                    cases.label[drawn],
                    judgement.threshold.rule,
                )
            except DataError:  # too few of a class among so few labels
                continue
            called = fitted.calibrator.probability(cases.logit[~drawn]) >= fitted.threshold.value
            rates.append(_rates(cases.label[~drawn], called))
        found.append((str(labels), _spread(rates)))
    return found


def _drawn(patient: npt.NDArray[np.int64], labels: int, seed: int) -> npt.NDArray[np.bool_]:
    counts = np.bincount(patient)
    order = np.random.default_rng(seed).permutation(len(counts))
    enough = int(np.searchsorted(np.cumsum(counts[order]), labels)) + 1
    return np.isin(patient, order[:enough])


def _rates(label: npt.NDArray[np.int64], called: npt.NDArray[np.bool_]) -> list[float]:
    sensitivity = float(called[label == 1].mean())
    specificity = float((~called[label == 0]).mean())
    return [sensitivity, specificity, sensitivity + specificity - 1]


def _spread(rates: list[list[float]]) -> list[tuple[float, float]]:
    values = np.array(rates)
    return [(float(column.mean()), float(column.std())) for column in values.T]


if __name__ == "__main__":
    sys.exit(main())
