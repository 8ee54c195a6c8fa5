"""How often medcnn shift finds a difference: where there is none (type I error), and where there is.

Patients are drawn whose features depend on their label and on where they are. Counted is how often one
of the three tests of the command rejects, corrected for their number (Holm, 5 %).

python scripts/power_shift.py --repeats 200
python scripts/power_shift.py --repeats 200 --verdicts    # another prevalence, other classes
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from medcnn.evaluation.operating_effect import Asked
from medcnn.evaluation.shift import ALPHA, VERDICTS, Population, find_shift
from medcnn.metrics.comparison import holm
from medcnn.metrics.estimate import FloatArray
from medcnn.metrics.two_sample import two_sample_tests

WIDTH = 64
HOME = 300
HOME_PREVALENCE = 0.4
PATIENTS = (20, 100, 300)
MOVES = (0.0, 0.5, 1.0)
"""Of one direction of the features, in standard deviations of a patient."""


PLACES = {
    "as at home": (0.4, 0.0, 1.0),
    "prevalence 0.2": (0.2, 0.0, 1.0),
    "prevalence 0.1": (0.1, 0.0, 1.0),
    "prevalence 0.7": (0.7, 0.0, 1.0),
    "normals score 1/4 SD higher": (0.4, 0.25, 1.0),
    "normals score 1/2 SD higher": (0.4, 0.5, 1.0),
    "normals score 1 SD higher": (0.4, 1.0, 1.0),
    "abnormals are half as far off": (0.4, 0.0, 0.5),
}
"""Of each: the prevalence, by how many SD normals score higher, how far abnormals are from normals."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--verdicts", action="store_true", help="how often which verdict is given")
    given = parser.parse_args()
    (_verdicts if given.verdicts else _power)(given.repeats)


def _power(repeats: int) -> None:
    print("| patients here | " + " | ".join(f"moved by {move:g}" for move in MOVES) + " |")
    print("|---" * (1 + len(MOVES)) + "|")
    for patients in PATIENTS:
        cells = []
        for move in MOVES:
            found = [_differs(seed, patients, move) for seed in range(repeats)]
            cells.append(f"{np.mean(found):.3f}")
        print(f"| {patients} | {' | '.join(cells)} |", flush=True)


def _verdicts(repeats: int) -> None:
    print(f"| patients | place | estimate rejected | {' | '.join(VERDICTS[:3])} |")
    print("|---|---|---|---|---|---|")
    for patients in PATIENTS[1:]:
        for name, (prevalence, higher, apart) in PLACES.items():
            found = [
                find_shift(
                    _population(seed, HOME),
                    _population(10_000 + seed, patients, prevalence, higher, apart),
                    Asked(0.5, permutations=199, seed=seed),
                ).results
                for seed in range(repeats)
            ]
            refused = np.mean([each.trust.p_value < ALPHA for each in found if each.trust])
            shares = [np.mean([each.verdict == one for each in found]) for one in VERDICTS[:3]]
            cells = " | ".join(f"{each:.3f}" for each in (refused, *shares))
            print(f"| {patients} | {name} | {cells} |", flush=True)


def _population(
    seed: int, n: int, prevalence: float = 0.4, higher: float = 0.0, apart: float = 1.0
) -> Population:
    """Return patients whose score is calibrated at home."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < prevalence).astype(int)
    features = _spread(rng, n)
    features[:, 0] += 3.0 * apart * label + 2.0 * higher * (1 - label)
    score = 0.75 * (features[:, 0] - 1.5) + logit(HOME_PREVALENCE)
    table = {"patient_id": np.arange(n), "label": label, "p_abnormal": expit(score)}
    return Population(pd.DataFrame(table), score, features)


def _differs(seed: int, patients: int, move: float) -> bool:
    home, here = _draw(seed, HOME, 0.0), _draw(10_000 + seed, patients, move)
    n = HOME + patients
    found = two_sample_tests(
        np.concatenate([home, here]),
        np.concatenate([home[:, 0], here[:, 0]]),
        np.arange(n) >= HOME,
        np.arange(n),
        permutations=199,
        seed=seed,
    )
    p = {"classifier": found.classifier.p_value, "mmd": found.mmd.p_value}
    return any(
        (each or 0.0) <= ALPHA for each in holm({**p, "scores": found.scores.p_value}).values()
    )


def _draw(seed: int, n: int, move: float) -> FloatArray:
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < HOME_PREVALENCE).astype(int)
    features = _spread(rng, n)
    features[:, 0] += 3.0 * label
    features[:, 1] += 2.0 * move
    return features


def _spread(rng: np.random.Generator, n: int) -> FloatArray:
    return np.asarray(rng.normal(size=(n, WIDTH)) * np.linspace(2.0, 0.2, WIDTH))


if __name__ == "__main__":
    main()
