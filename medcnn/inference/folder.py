"""Prediction of files: through a folder, batches through trained models, one row a file.

Rows are written as they come, so that neither the number of files nor an early end matters; a second
pass (``medcnn.inference.table``) makes the table of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from medcnn.calibration.frequency import LEVEL, METHOD
from medcnn.errors import DataError
from medcnn.files.hashing import sha256_of
from medcnn.inference.decision import Decision
from medcnn.inference.engine import Engine
from medcnn.inference.ledger import Ledger, ledger_path
from medcnn.inference.out_of_distribution import load_detector
from medcnn.inference.passes import passes_of
from medcnn.inference.quick import QuickPanel
from medcnn.inference.runs import Panel, assemble, predict_split
from medcnn.inference.settings import AskedViews, Inference, Predict, run_settings
from medcnn.inference.table import Beside, Written, write_table
from medcnn.io.identifiers import pseudonym, read_salt
from medcnn.record.record import Record
from medcnn.run.directory import RunDir, write_json
from medcnn.version import __version__


@dataclass(frozen=True)
class Predicted:
    """What a prediction came to.

    Attributes:
        written: What the table holds, in numbers.
        kept: Rows that stood from an earlier prediction.
        warnings: What a reader has to know.
    """

    written: Written
    kept: int
    warnings: tuple[str, ...]


Results = Callable[[Panel, Mapping[str, Any], Decision], Beside]
"""Makes what goes beside the table, of the model, what tells it from others, and how it decides."""


def predict_folder(
    runs: Sequence[RunDir], options: Predict, files: int, results: Results | None = None
) -> Predicted:
    """Predict a file or the files of a folder, and write the table and what it was made with.

    Args:
        runs: One run, or several as one ensemble.
        options: What is asked for.
        files: How many files there are.
        results: Makes results in another form than the table; None: there are none.

    Raises:
        WeightsError: If a run cannot be loaded.
        DataError: If its records do not fit one another, or the output is another model's.
    """
    panel = assemble(runs, options.inference)
    detector = load_detector(runs[0])
    quick = QuickPanel(panel, detector, exact=options.exact, tolerance=options.tolerance)
    val = _validation(panel, runs, options.inference)
    decision = Decision(val, options.safeguards, panel.threshold.value, options.inference.seed)
    salt = _salt(panel)
    identity = _identity(panel, runs[0], options, salt)
    alone = not options.input.is_dir()
    path = ledger_path(options.output)
    with Ledger(path, identity, resume=options.resume) as ledger:
        engine = Engine(quick, ledger, options, files, salt)
        kept = engine.run(decision.thresholds)
        final = decision.estimated(ledger)
        if quick.fast is not None and final.thresholds != decision.thresholds:
            engine.run(final.thresholds, again=True)
        beside = None if results is None else results(panel, identity, final)
        written = write_table(ledger, final, options.output, beside)
        recomputed = ledger.count(exact=True)
    if alone:
        path.unlink(missing_ok=True)
    warnings = (*panel.notes, *quick.warnings, *_of_interval(val), *written.warnings)
    record = _record(identity, panel, quick, final, written, warnings, recomputed)
    write_json(options.output.with_name(f"{options.output.name}.json"), record)
    return Predicted(written, kept, warnings)


def _validation(panel: Panel, runs: Sequence[RunDir], how: Inference) -> pd.DataFrame | None:
    """Return validation predictions made like those of the files; None where there are none.

    They are what the panel was fitted on just now, or what training left; a single model that is
    looked at otherwise than it was trained predicts its validation images anew.
    """
    if panel.validation is not None:
        return panel.validation
    saved = runs[0].predictions("val")
    as_trained = panel.predictor.passes == passes_of(AskedViews(), run_settings(runs[0]))
    if saved.is_file() and as_trained:
        return Record(runs[0]).predictions("val")
    if not runs[0].manifest.is_file():
        return None
    try:
        return predict_split(runs, "val", how).table
    except (DataError, OSError):
        # The run was moved away from its images; the table says that it has no interval.
        return None


def _of_interval(val: pd.DataFrame | None) -> list[str]:
    if val is None:
        return ["There are no validation predictions, so no interval of the probability."]
    return []


def _identity(panel: Panel, run: RunDir, options: Predict, salt: str | None) -> dict[str, Any]:
    """Return what tells one way of predicting from another, as plain values."""
    # What was fitted now follows from members and passes, to the last digits.
    saved = panel.validation is None
    return {
        "input": str(options.input.resolve()),
        "checkpoints": [member.sha256 for member in panel.predictor.members],
        "judgement": _sha256(run.judgement) if saved else None,
        "out_of_distribution": _sha256(run.out_of_distribution),
        "passes": asdict(panel.predictor.passes),
        "pseudonyms": pseudonym("none", salt, "identity") if salt else None,
        "medcnn": __version__,
    }


def _salt(panel: Panel) -> str | None:
    hidden = panel.predictor.members[0].settings.data.hash_patients
    return read_salt() if hidden else None


def _sha256(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None


def _record(
    identity: Mapping[str, object],
    panel: Panel,
    quick: QuickPanel,
    decision: Decision,
    written: Written,
    warnings: Sequence[str],
    recomputed: int,
) -> dict[str, Any]:
    """Return what stands beside the table: with what it was made, and what is in it."""
    interval = None
    if decision.val is not None:
        patients = int(decision.val["patient_id"].nunique())
        interval = {"level": LEVEL, "method": METHOD, "validation_patients": patients}
    return {
        **identity,
        "threshold": asdict(panel.threshold),
        "interval": interval,
        "safeguards": asdict(decision.asked),
        "precision": {
            "first_answer": quick.precision,
            "tolerance": quick.tolerance if quick.fast is not None else 0.0,
            "largest_difference_seen": quick.largest,
            "computed_exactly": recomputed,
        },
        "files": written.rows,
        "decisions": dict(written.decisions),
        "not_readable": dict(written.errors),
        "out_of_distribution_files": written.foreign,
        "referred": written.referred,
        "warnings": list(warnings),
    }
