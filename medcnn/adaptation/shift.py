"""Images without labels beside a run's validation, as its network sees both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from medcnn.adaptation.settings import ShiftAsked
from medcnn.calibration.detector import FLAG
from medcnn.calibration.home import Home, kept_rows
from medcnn.data.batch import unit_images
from medcnn.errors import DataError, UserError
from medcnn.evaluation.operating_effect import Asked
from medcnn.evaluation.shift import Population, Shift, find_shift
from medcnn.inference.features import shown
from medcnn.inference.files import Reading, find_images, read_files
from medcnn.inference.out_of_distribution import flag_files, load_detector, measure_features
from medcnn.inference.runs import Panel, assemble, batches_of, run_manifest
from medcnn.inference.settings import Inference, run_settings
from medcnn.io.identifiers import pseudonym, read_salt
from medcnn.metrics.proportions import log_odds, share
from medcnn.notices import Notice
from medcnn.record.record import Record
from medcnn.run.directory import RunDir

EDGE = 1e-9
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Looked:
    """What was looked at, and what came of it.

    Attributes:
        shift: The results.
        home: The validation images.
        here: The images.
        paths: Of the images.
        unread: Why others could not be read.
    """

    shift: Shift
    home: Population
    here: Population
    paths: tuple[Path, ...]
    unread: tuple[str, ...]


def look_for_shift(run: RunDir, asked: ShiftAsked, panel: Panel | None = None) -> Looked:
    """Return whether images are from the population that a run's threshold was chosen on.

    Args:
        run: The run.
        asked: Which images, and how.
        panel: What answers for the run, where it is loaded already.

    Raises:
        DataError: If there are no images, none can be read, or home is not known.
    """
    how = Inference(batch_size=asked.batch_size, device=asked.device, seed=asked.seed)
    # Folds together give smoother scores than the one that has not been trained on an image of home.
    eye = run.member(0) if run.folds.is_file() else run
    panel = panel if panel is not None and eye is run else assemble([eye], how)
    home = home_population(run, panel, asked)
    every = find_images(asked.input)
    paths = drawn(every, asked.images, asked.seed)
    here, flags, read, unread = _through(eye, panel, paths, asked)
    several = _codes(here.table["patient_id"])
    detector = load_detector(eye)
    shift = find_shift(
        home,
        here,
        Asked(panel.threshold.value, asked.known, asked.permutations, asked.level, asked.seed),
        flagged=None if flags is None else share(flags, several, asked.level),
        expected=None if detector is None else 1 - detector.quantile,
        of=len(every),
        unreadable=len(unread),
    )
    if eye is not run:
        told = (*shift.results.sentences, Notice("shift_first_fold"))
        shift = replace(shift, results=replace(shift.results, sentences=told))
    return Looked(shift, home, here, read, unread)


def drawn(paths: Sequence[Path], most: int, seed: int) -> list[Path]:
    """Return at most so many of the files, drawn at random, in their order."""
    if len(paths) <= most:
        return list(paths)
    chosen = np.random.default_rng(seed).permutation(len(paths))[:most]
    return [paths[row] for row in sorted(chosen.tolist())]


def home_population(run: RunDir, panel: Panel, asked: ShiftAsked) -> Population:
    """Return the validation images of a run, from what it kept or, for an earlier one, anew.

    Raises:
        DataError: If it kept nothing and its images are gone.
    """
    if not run.predictions("val").is_file():
        raise DataError(
            f"The run {run.path} keeps no predictions of validation, so there is no home to compare.",
            expected="predictions/val.csv, which training leaves",
            found="none",
            remedy="take the run as training left it",
        )
    val = (
        _unseen_by_first(run, asked.seed) if run.folds.is_file() else Record(run).predictions("val")
    )
    val = val.reset_index(drop=True)
    kept = Home.of(run)
    if kept is None:
        rows = kept_rows(len(val), asked.seed)
        features = _features_of(run, panel, val.iloc[rows], asked.batch_size)
    else:
        rows, features = kept.rows, kept.features.astype(np.float64)
    if len(rows) and int(rows.max()) >= len(val):
        raise DataError(
            f"{run.home} and {run.predictions('val')} do not fit one another.",
            expected="the records that one training left",
            found=f"row {int(rows.max())} of {len(val)}",
            remedy="restore the run, or take another",
        )
    table = val.iloc[rows].reset_index(drop=True)
    return Population(table, _logit(table), features)


def _unseen_by_first(run: RunDir, seed: int) -> pd.DataFrame:
    """Return what the first fold says of images that it was not trained on."""
    first = Record(run.member(0))
    names = [name for name in ("val", "test") if run.predictions(name).is_file()]
    table = pd.concat([first.predictions(name) for name in names], ignore_index=True)
    by_source = run_settings(run).data.folds_by_source
    return table.iloc[unseen_by_fold(table, len(first.manifest), seed, by_source=by_source)]


def unseen_by_fold(table: pd.DataFrame, n: int, seed: int, *, by_source: bool) -> Rows:
    """Return the rows that stand for home: validation of a fold, and of what it held out.

    A network sees what it was trained on otherwise than what is new to it, so that this would be told
    from its own population. Of the sources that the fold held out no more is taken than their share.

    Args:
        table: Predictions of the fold for both splits.
        n: How many images it had in all.
        seed: Of what is drawn.
        by_source: Whether folds are made of sources.
    """
    own, held = (np.flatnonzero(table["split"] == name) for name in ("val", "test"))
    if by_source:
        most = round(len(own) * len(held) / (n - len(held)))
        held = np.random.default_rng(seed).permutation(held)[:most]
    return np.sort(np.concatenate([own, held]))


def _features_of(run: RunDir, panel: Panel, rows: pd.DataFrame, batch_size: int) -> Floats:
    """Return the features of validation images of a run that kept none."""
    try:
        manifest = run_manifest(run)
        named = manifest.table.set_index("image_id").loc[rows["image_id"].astype(str).tolist()]
        members = panel.predictor.members
        batches = batches_of(members[:1], named.reset_index(), manifest, batch_size)
        parts = [measure_features(members[0], each["image"]) for each in batches]
    except (UserError, OSError, KeyError) as error:
        raise DataError(
            f"The run {run.path} keeps no features of home, as folds do not and earlier versions did "
            "not, and its validation images are gone.",
            expected=f"{run.home.name}, or the images where its manifest names them",
            found=error.problem if isinstance(error, UserError) else str(error),
            remedy="put the images back, or take a run of this version that is not of folds",
        ) from error
    return np.concatenate([_plain(part) for part in parts])


def _through(
    run: RunDir, panel: Panel, paths: Sequence[Path], asked: ShiftAsked
) -> tuple[Population, npt.NDArray[np.bool_] | None, tuple[Path, ...], tuple[str, ...]]:
    """Return the images as the run sees them, which are flagged, their paths, and what is wrong."""
    predictor, detector = panel.predictor, load_detector(run)
    settings = predictor.members[0].settings
    salt = read_salt() if settings.data.hash_patients else None
    readings = read_files(paths, predictor.image_size, exact=settings.data.exact)
    tables: list[pd.DataFrame] = []
    features: list[Floats] = []
    read: list[Path] = []
    unread: list[str] = []
    rest = iter(shown(readings, len(paths)))
    while group := list(islice(rest, asked.batch_size)):
        sound = [each for each in group if each.pixels is not None]
        unread += [str(each.error) for each in group if each.pixels is None]
        if not sound:
            continue
        image = unit_images(np.stack([each.pixels for each in sound if each.pixels is not None]))
        columns = panel.columns(predictor.logits(image))
        seen = predictor.features_ND
        seen = measure_features(predictor.members[0], image) if seen is None else seen
        if detector is not None:
            model, facts = predictor.members[0], [each.facts for each in sound if each.facts]
            flags, _ = flag_files(model, detector, model.calibrator, image, facts, seen)
            columns = columns.join(flags)
        tables.append(columns.assign(patient_id=[_patient(each, salt) for each in sound]))
        features.append(_plain(seen))
        read += [each.path for each in sound]
    if not tables:
        raise DataError(
            f"None of the {len(paths)} files in {asked.input} can be read.",
            expected="DICOM, PNG, JPEG, TIFF or BMP images",
            found=unread[0] if unread else "no files",
            remedy="run medcnn doctor on the folder",
        )
    table = pd.concat(tables, ignore_index=True)
    flagged = (table[FLAG] == 1).to_numpy() if FLAG in table else None
    here = Population(table, _logit(table), np.concatenate(features))
    return here, flagged, tuple(read), tuple(unread)


def _patient(reading: Reading, salt: str | None) -> str:
    """Return the patient of a file; one that names nobody is a patient of its own."""
    patient = reading.facts.patient_id if reading.facts is not None else ""
    patient = pseudonym(patient, salt) if patient and salt else patient
    return patient or f"file {reading.path}"


def _logit(table: pd.DataFrame) -> Floats:
    return np.asarray(log_odds(table["p_abnormal"].to_numpy(np.float64), EDGE))


def _codes(patients: pd.Series) -> npt.NDArray[np.int64] | None:
    codes, names = pd.factorize(patients)
    return codes.astype(np.int64) if len(names) < len(codes) else None


def _plain(features_ND: torch.Tensor) -> Floats:
    return np.asarray(features_ND.cpu().double().numpy())
