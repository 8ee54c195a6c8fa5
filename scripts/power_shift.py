"""How often medcnn shift finds a difference: where there is none (type I error), and where there is.

Patients are drawn whose features depend on their label and on where they are. Counted is how often one
of the three tests of the command rejects, corrected for their number (Holm, 5 %).

python scripts/power_shift.py --repeats 200
"""

from __future__ import annotations

import argparse

import numpy as np

from medcnn.evaluation.shift import ALPHA
from medcnn.metrics.comparison import holm
from medcnn.metrics.estimate import FloatArray
from medcnn.metrics.two_sample import two_sample_tests

WIDTH = 64
HOME = 300
PATIENTS = (20, 100, 300)
MOVES = (0.0, 0.5, 1.0)
"""Of one direction of the features, in standard deviations of a patient."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    given = parser.parse_args()
    print("| patients here | " + " | ".join(f"moved by {move:g}" for move in MOVES) + " |")
    print("|---" * (1 + len(MOVES)) + "|")
    for patients in PATIENTS:
        cells = []
        for move in MOVES:
            found = [_differs(seed, patients, move) for seed in range(given.repeats)]
            cells.append(f"{np.mean(found):.3f}")
        print(f"| {patients} | {' | '.join(cells)} |", flush=True)


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
    label = (rng.random(n) < 0.4).astype(int)
    features = rng.normal(size=(n, WIDTH)) * np.linspace(2.0, 0.2, WIDTH)
    features[:, 0] += 3.0 * label
    features[:, 1] += 2.0 * move
    return np.asarray(features)


if __name__ == "__main__":
    main()
