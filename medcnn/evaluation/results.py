"""The results of one table of predictions: the content of ``results.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from medcnn.errors import DataError
from medcnn.evaluation.cases import Cases, cases_of
from medcnn.metrics import calibration, curves
from medcnn.metrics.auroc import auroc
from medcnn.metrics.bootstrap import bootstrap
from medcnn.metrics.cells import CellMetrics, reduce_to_cells
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.proportions import proportion
from medcnn.metrics.thresholds import Threshold

SPECIFICITIES = (0.80, 0.90, 0.95)
SENSITIVITIES = (0.90, 0.95, 0.98)
FEW = 10  # cases of a class below which a warning is given


def evaluate(
    table: pd.DataFrame,
    threshold: Threshold,
    *,
    split: str = "test",
    level: float = 0.95,
    subgroups: Sequence[str] = (),
    temperature: float | None = None,
    seed: int = 0,
    clusters: bool = True,
) -> dict[str, Any]:
    """Return the results of the rows of ``split`` as plain values for strict JSON.

    Args:
        table: As ``medcnn.predictions.read_predictions`` returns it.
        threshold: The frozen operating point; it is never chosen again here.
        split: Which rows to evaluate.
        level: Nominal coverage of every interval.
        subgroups: Columns to evaluate group by group.
        temperature: The temperature that the probabilities went through, repeated in the results.
        seed: Seed of the bootstrap.
        clusters: Whether images of one patient are resampled together.

    Raises:
        DataError: If no row belongs to the split, or a subgroup column does not exist.
    """
    rows = table[table["split"] == split]
    if rows.empty:
        raise DataError(
            f"The predictions have no case of the split {split!r}.",
            expected=f"rows with split {split!r}",
            found=", ".join(sorted(map(str, set(table["split"])))),
            remedy="name another split",
        )
    cases = cases_of(rows, clusters=clusters)
    found = headline(cases, threshold.value, level)
    resampled, curves_found = resampled_metrics(cases, threshold.value, level, seed)
    ece = resampled.pop("ece")
    results: dict[str, Any] = {
        "split": split,
        "level": level,
        "n": len(cases.label),
        "n_patients": cases.patients,
        "prevalence": float(cases.label.mean()),
        "threshold": threshold.to_json(),
        **found,
        **resampled,
        **curves_found,
        "calibration": calibration_of(cases, level, ece),
        "confusion": confusion(cases, threshold.value),
        "subgroups": [],
        "uncertainty": {},
    }
    results["calibration"]["temperature"] = temperature
    results["warnings"] = warnings_of(cases, threshold, split, results)
    plain: dict[str, Any] = jsonable(results)
    return plain


def confusion(cases: Cases, threshold: float) -> dict[str, int]:
    """Return the counts of the confusion matrix at a threshold."""
    called = cases.p >= threshold
    tp = int(np.count_nonzero(called & (cases.label == 1)))
    fp = int(np.count_nonzero(called)) - tp
    return {"tp": tp, "fp": fp, "tn": cases.negatives - fp, "fn": cases.positives - tp}


def headline(cases: Cases, threshold: float, level: float) -> dict[str, Estimate]:
    """Return sensitivity, specificity, PPV, NPV and accuracy (Wilson) and the AUROC (DeLong)."""
    c = confusion(cases, threshold)
    n = len(cases.label)
    return {
        "sensitivity": proportion(c["tp"], cases.positives, level=level),
        "specificity": proportion(c["tn"], cases.negatives, level=level),
        "ppv": proportion(c["tp"], c["tp"] + c["fp"], level=level),
        "npv": proportion(c["tn"], c["tn"] + c["fn"], level=level),
        "accuracy": proportion(c["tp"] + c["tn"], n, level=level),
        "auroc": auroc(cases.label, cases.p, level=level),
    }


def resampled_metrics(
    cases: Cases, threshold: float, level: float, seed: int
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    """Return the metrics whose intervals are bootstrapped, and those that are read off the ROC."""
    cells = reduce_to_cells(cases.label, cases.p, threshold, cases.cluster)
    metrics = CellMetrics(cells, SPECIFICITIES, SENSITIVITIES)
    found = bootstrap(metrics, cells.sample, level=level, seed=seed, pivotal=("ece",))
    read_off: dict[str, dict[str, Estimate]] = {
        "sensitivity_at_specificity": {},
        "specificity_at_sensitivity": {},
    }
    if not cells.exact and 0 < cases.positives < len(cases.label):
        exact = _exact_values(curves.tally(cases.label, cases.p))
        found |= {name: _recentred(found[name], value) for name, value in exact.items()}
    for name in [name for name in found if " " in name]:
        family, bound = name.split(" ")
        read_off[family][bound] = found.pop(name)
    return found, read_off


def _exact_values(counts: curves.Tally) -> dict[str, float]:
    exact = {"average_precision": curves.average_precision(counts)}
    for bound in SPECIFICITIES:
        name = f"sensitivity_at_specificity {bound:.2f}"
        exact[name] = curves.sensitivity_at_specificity(counts, bound)
    for bound in SENSITIVITIES:
        name = f"specificity_at_sensitivity {bound:.2f}"
        exact[name] = curves.specificity_at_sensitivity(counts, bound)
    return exact


def _recentred(binned: Estimate, exact: float) -> Estimate:
    """Return the exact value with the interval of the binned one, moved along."""
    if binned.value is None or binned.ci is None:
        return replace(binned, value=exact)
    low, high = (min(max(bound + exact - binned.value, 0.0), 1.0) for bound in binned.ci)
    return replace(binned, value=exact, ci=(low, high), note=f"{binned.note}, scores in bins")


def calibration_of(cases: Cases, level: float, ece: Estimate) -> dict[str, Any]:
    """Return the calibration of the probabilities."""
    label, p = cases.label, cases.p
    edges = calibration.equal_width_edges()
    mass = calibration.equal_mass_edges(p)
    slope, intercept = calibration.slope_and_intercept(label, p, level)
    return {
        "brier": calibration.mean_estimate(
            calibration.brier_losses(label, p), cases.cluster, level
        ),
        "ece": ece,
        "nll": calibration.mean_estimate(calibration.log_losses(label, p), cases.cluster, level),
        "ece_equal_mass": calibration.expected_calibration_error(label, p, mass),
        "ace": calibration.adaptive_calibration_error(label, p),
        "mce": calibration.maximum_calibration_error(label, p, edges),
        "bins": calibration.BINS,
        "slope": slope,
        "intercept": intercept,
        "brier_decomposition": asdict(calibration.murphy_decomposition(label, p, edges)),
        "reliability": [
            asdict(row) | {"observed": row.observed}
            for row in calibration.reliability_curve(label, p, edges, level)
        ],
    }


def warnings_of(
    cases: Cases, threshold: Threshold, split: str, results: dict[str, Any]
) -> list[str]:
    """Return what a reader of these results has to know."""
    found = []
    for count, name in ((cases.positives, "abnormal"), (cases.negatives, "normal")):
        if count == 0:
            found.append(f"No {name} case on {split}: every number that needs one is null.")
        elif count < FEW:
            found.append(
                f"Only {count} {name} cases on {split}: read the intervals, not the values."
            )
    if threshold.chosen_on == split:
        found.append(
            f"THE THRESHOLD WAS CHOSEN ON {split.upper()}, the very cases it is judged on: sensitivity, "
            "specificity and all that depends on the threshold are too good to be true."
        )
    return found


def jsonable(found: Any) -> Any:
    """Return a structure of estimates and plain values as values for strict JSON."""
    if isinstance(found, Estimate):
        return found.to_json()
    if isinstance(found, dict):
        return {key: jsonable(value) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [jsonable(value) for value in found]
    return found
