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
from medcnn.inference.files import Listing
from medcnn.inference.joining import Joined, find_parts, finish, identity_of_part, join, stands
from medcnn.inference.ledger import Ledger, ledger_path
from medcnn.inference.out_of_distribution import load_detector
from medcnn.inference.quick import QuickPanel
from medcnn.inference.runs import Panel, assemble, passes_of, predict_split
from medcnn.inference.settings import AskedViews, Inference, Predict, run_settings
from medcnn.inference.share import Share
from medcnn.inference.table import Beside, Written, write_table
from medcnn.io.identifiers import pseudonym, read_salt
from medcnn.record.record import Record
from medcnn.run.directory import RunDir, write_json
from medcnn.version import __version__

NO_INTERVAL = "There are no validation predictions, so no interval of the probability."


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


@dataclass(frozen=True)
class Apparatus:
    """All that a prediction is made with.

    Attributes:
        panel: The models.
        quick: Their quick twin.
        decision: How their probabilities become decisions.
        salt: Hides the patients; None where they are not hidden.
        identity: What tells it from another way of predicting, as plain values.
    """

    panel: Panel
    quick: QuickPanel
    decision: Decision
    salt: str | None
    identity: Mapping[str, object]


Results = Callable[[Panel, Mapping[str, object], Decision], Beside]
"""Makes what goes beside the table, of the model, what tells it from others, and how it decides."""


def predict_folder(
    runs: Sequence[RunDir], options: Predict, listing: Listing, results: Results | None = None
) -> Predicted:
    """Predict a file or the files of a folder, and write the table and what it was made with.

    Args:
        runs: One run, or several as one ensemble.
        options: What is asked for.
        listing: The files.
        results: Makes results in another form than the table; None: there are none.

    Raises:
        WeightsError: If a run cannot be loaded.
        DataError: If its records do not fit one another, or the output or a part of it is another
            model's.
    """
    how = assembled(runs, options)
    quick, decision, path = how.quick, how.decision, ledger_path(options.output)
    of_part = identity_of_part(how.identity, options, listing.digest)
    shares = find_parts(options, of_part)
    with Ledger(path, how.identity, resume=options.resume) as ledger:
        joined = join(ledger, shares, options, of_part)
        if joined.watch.given_up and quick.fast is not None:
            quick.give_up(joined.watch.given_up)
        engine = Engine(quick, ledger, options, listing.images, how.salt)
        kept = engine.run(decision.thresholds, again=joined.rows > 0) - joined.rows
        final = decision.estimated(ledger)
        if quick.fast is not None and final.thresholds != decision.thresholds:
            engine.run(final.thresholds, again=True)
        beside = None if results is None else results(how.panel, how.identity, final)
        written = write_table(ledger, final, options.output, beside)
        recomputed = ledger.count(exact=True)
    lacking = [] if decision.val is not None else [NO_INTERVAL]
    warnings = (*how.panel.notes, *quick.warnings, *lacking, *written.warnings)
    record = _record(how, final, written, warnings, recomputed, joined)
    write_json(options.output.with_name(f"{options.output.name}.json"), record)
    if not options.input.is_dir():
        path.unlink(missing_ok=True)
    for share in joined.shares:  # their rows are in the ledger
        share.path(options.output).unlink(missing_ok=True)
    return Predicted(written, max(kept, 0), warnings)


def predict_share(
    runs: Sequence[RunDir], options: Predict, share: Share, listing: Listing
) -> int | None:
    """Predict one share of a folder into a file of its own, which is there as a whole or not at all.

    Args:
        runs: One run, or several as one ensemble.
        options: What is asked for.
        share: Which files.
        listing: All files.

    Returns:
        How many files it holds; None where it was there already.

    Raises:
        WeightsError: If a run cannot be loaded.
        DataError: If its records do not fit one another, or the part that is there is another model's.
    """
    how = assembled(runs, options)
    identity = identity_of_part(how.identity, options, listing.digest)
    if stands(share, options, identity):
        return None
    files = share.count(listing.images, options.inference.batch_size)
    path = share.path(options.output)
    begun = ledger_path(path)
    with Ledger(begun, identity, resume=options.resume) as ledger:
        Engine(how.quick, ledger, options, files, how.salt).run(how.decision.thresholds)
        finish(ledger, how.quick)
    begun.replace(path)
    return files


def assembled(runs: Sequence[RunDir], options: Predict) -> Apparatus:
    """Return all that files are predicted with.

    Raises:
        WeightsError: If a run cannot be loaded.
        DataError: If its records do not fit one another.
    """
    panel = assemble(runs, options.inference)
    detector = load_detector(runs[0])
    quick = QuickPanel(panel, detector, exact=options.exact, tolerance=options.tolerance)
    val = _validation(panel, runs, options.inference)
    decision = Decision(val, options.safeguards, panel.threshold.value, options.inference.seed)
    salt = read_salt() if panel.predictor.members[0].settings.data.hash_patients else None
    return Apparatus(panel, quick, decision, salt, _identity(panel, runs[0], options, salt))


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


def _sha256(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None


def _record(
    how: Apparatus,
    decision: Decision,
    written: Written,
    warnings: Sequence[str],
    recomputed: int,
    joined: Joined,
) -> dict[str, Any]:
    """Return what stands beside the table: with what it was made, and what is in it."""
    interval, quick = None, how.quick
    if decision.val is not None:
        patients = int(decision.val["patient_id"].nunique())
        interval = {"level": LEVEL, "method": METHOD, "validation_patients": patients}
    return {
        **how.identity,
        "threshold": asdict(how.panel.threshold),
        "interval": interval,
        "safeguards": asdict(decision.asked),
        "precision": {
            "first_answer": quick.precision,
            "tolerance": quick.tolerance if quick.fast is not None else 0.0,
            "largest_difference_seen": max(quick.largest, joined.watch.largest),
            "computed_exactly": recomputed,
        },
        "files": written.rows,
        "parts": list(map(str, joined.shares)),
        "decisions": dict(written.decisions),
        "not_readable": dict(written.errors),
        "out_of_distribution_files": written.foreign,
        "referred": written.referred,
        "warnings": list(warnings),
    }
