"""A run fitted to labelled cases of elsewhere, as a run of its own beside the old one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from medcnn.adaptation.answers import Answers, answers_of
from medcnn.adaptation.head import Heads, write_heads
from medcnn.adaptation.images import Elsewhere, known_keys, trained_rows
from medcnn.adaptation.network import adapt_norms
from medcnn.adaptation.settings import AdaptAsked
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.fit import fit_calibrator
from medcnn.calibration.home import Home
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.local import EDGE, Learn, OutOfFold, Refitted, cross_fit, moved, refit
from medcnn.console import warn
from medcnn.data.audit.overlap import OWNER
from medcnn.data.manifest import Manifest
from medcnn.data.owners import owned_patients
from medcnn.data.settings import Data
from medcnn.errors import ConfigError
from medcnn.files.hashing import sha256_of
from medcnn.inference.loading import copy_into_checkpoint
from medcnn.inference.runs import Panel, assemble
from medcnn.inference.settings import Inference, run_settings
from medcnn.metrics.proportions import log_odds
from medcnn.metrics.thresholds import Threshold
from medcnn.record.record import Record
from medcnn.run.directory import RunDir, write_json
from medcnn.run.journal import Journal

Rows = npt.NDArray[np.bool_]
HOME = "home/"
"""What stands before the names of the parent's images in the manifest of the new run."""


@dataclass(frozen=True)
class Fitted:
    """A run that was fitted to labelled cases.

    Attributes:
        journal: Of the new run, which goes on.
        judgement: The new one.
        refitted: How it came about.
        out_of_fold: The labelled cases, judged without their patient.
        frozen: The threshold of the parent.
        labelled: Predictions of the labelled cases.
        rest: Predictions of the others; none where all were used.
        before: The parent's predictions of the same as ``rest``, or of all labelled cases.
        norms: Layers whose statistics are of the images here.
        heads: How far the head of each member was let move; none where heads were not fitted.
    """

    journal: Journal
    judgement: Judgement
    refitted: Refitted
    out_of_fold: OutOfFold
    frozen: Threshold
    labelled: pd.DataFrame
    rest: pd.DataFrame
    before: pd.DataFrame
    norms: tuple[str, ...] = ()
    heads: tuple[float, ...] = ()


def draw_labelled(manifest: Manifest, labels: int | str, seed: int) -> Rows:
    """Return which images are labelled: whole patients, drawn until there are enough images.

    Raises:
        ConfigError: If more are asked for than there are.
    """
    table = manifest.table
    if labels == "all":
        return np.ones(len(table), dtype=np.bool_)
    if int(labels) > len(table):
        raise ConfigError(
            f"labels={labels} is more than there are.",
            expected=f"labels from 10 to {len(table)}, or labels=all",
            found=f"{len(table)} images of {manifest.source} that the run was not trained on",
            remedy="label more images, or ask for fewer",
        )
    code, names = pd.factorize(table["patient_id"])
    counts = np.bincount(code)
    order = np.random.default_rng(seed).permutation(len(names))
    enough = int(np.searchsorted(np.cumsum(counts[order]), int(labels))) + 1
    return np.isin(code, order[:enough])


def fit(
    run: RunDir, target: RunDir, images: Elsewhere, labelled: Rows, asked: AdaptAsked
) -> Fitted:
    """Fit a run to labelled images, and leave in ``target`` all that predicts.

    Args:
        run: The parent.
        target: The directory of the new run.
        images: Of elsewhere.
        labelled: Which of them may be looked at with their labels.
        asked: What is fitted, and how.

    Raises:
        DataError: If the labelled cases are too few.
        ConfigError: If the network cannot be fitted as asked.
    """
    how = Inference(batch_size=asked.batch_size, device=asked.device, seed=asked.seed)
    panel = assemble([run], how)
    before = _answered(panel, run, images, how)
    rule = run_settings(run).threshold if asked.threshold is None else asked.threshold
    start = at_home(run, panel.judgement)
    # Too few cases are told before anything is written.
    _refit(start, before.table[labelled], rule, asked)
    heads = _heads(panel, images, labelled, asked)
    _copy(run, target)
    journal = Journal(target, seed=asked.seed, echo=warn)
    journal.note(adapted={"from": str(run.path.resolve()), "labels": int(labelled.sum())})
    norms: tuple[str, ...] = ()
    after = before
    if asked.adapt.batch_norm:
        norms = adapt_norms(run, target, images, how)
        panel = assemble([target], how)
        after, heads = _answered(panel, run, images, how), _heads(panel, images, labelled, asked)
    strengths: tuple[float, ...] = ()
    if heads is not None:
        found = heads.fit()
        strengths = tuple(each.strength for each in found)
        write_heads(target, found)
        panel = assemble([target], how)
        after = _out_of_fold(_answered(panel, run, images, how), heads.out_of_fold(found), labelled)
    learn = None if heads is None else heads.learn
    refitted, folds = _refit(start, after.table[labelled], rule, asked, learn)
    # What is noted of the parent's is how these two were fitted at home.
    judgement = replace(
        panel.judgement, calibrator=refitted.calibrator, threshold=refitted.threshold, notes=()
    )
    judgement.save(target.judgement)
    if not run.members and judgement.passes.single:
        copy_into_checkpoint(judgement, target)
    _remember(run, target, images, after, labelled)
    table = _judged(after.table, judgement)
    return Fitted(
        journal=journal,
        judgement=judgement,
        refitted=refitted,
        out_of_fold=folds,
        frozen=Record(run).judgement.threshold,
        labelled=table[labelled].assign(split="val").reset_index(drop=True),
        rest=table[~labelled].reset_index(drop=True),
        before=before.table[~labelled].reset_index(drop=True),
        norms=norms,
        heads=strengths,
    )


def _heads(panel: Panel, images: Elsewhere, labelled: Rows, asked: AdaptAsked) -> Heads | None:
    if not asked.adapt.head:
        return None
    return Heads.of(panel, images, labelled, asked.batch_size, asked.seed)


def _out_of_fold(answers: Answers, said: pd.DataFrame, labelled: Rows) -> Answers:
    """Return the answers, those for labelled images by heads that were not fitted to them."""
    table = answers.table.copy()
    table.loc[labelled, said.columns] = said.to_numpy()
    return replace(answers, table=table)


def _answered(panel: Panel, run: RunDir, images: Elsewhere, how: Inference) -> Answers:
    return answers_of(panel, run, images, split="test", batch_size=how.batch_size)


def at_home(run: RunDir, judgement: Judgement) -> tuple[Calibrator, Threshold]:
    """Return the calibrator with slope and intercept that are right on the validation of home.

    With it goes the frozen threshold, where it lies among those probabilities: it calls the same
    cases abnormal as before.

    A temperature may leave probabilities that are too high or too extreme on the whole, and what a
    few cases are to move has to start where home is.
    """
    calibrator, threshold = judgement.calibrator, judgement.threshold
    if not run.predictions("val").is_file():
        return calibrator, threshold
    val = Record(run).predictions("val")
    label = val["label"].to_numpy(np.int64)
    if label.min() == label.max():
        return calibrator, threshold
    z = log_odds(val["p_abnormal"].to_numpy(np.float64), EDGE)
    slope, intercept = fit_calibrator("platt", z, label).parameters
    value = float(expit(slope * log_odds(np.asarray(threshold.value), EDGE) + intercept))
    return moved(calibrator, slope, intercept), replace(threshold, value=value)


def _refit(
    start: tuple[Calibrator, Threshold],
    cases: pd.DataFrame,
    rule: str | float,
    asked: AdaptAsked,
    learn: Learn | None = None,
) -> tuple[Refitted, OutOfFold]:
    logit, label = cases["logit"].to_numpy(np.float64), cases["label"].to_numpy(np.int64)
    calibrator, threshold = start
    found = refit(calibrator, logit, label, rule, asked.calibrator)
    folds = cross_fit(
        calibrator,
        threshold,
        logit,
        label,
        cases["patient_id"].astype(str).tolist(),
        rule,
        found.kind,
        seed=asked.seed,
        learn=learn,
    )
    return found, folds


def _judged(table: pd.DataFrame, judgement: Judgement) -> pd.DataFrame:
    """Return predictions with the probabilities of the new calibrator."""
    p = judgement.calibrator.probability(table["logit"].to_numpy(np.float64))
    return table.assign(p_abnormal=p)


def _copy(run: RunDir, target: RunDir) -> None:
    """Leave in the new run what of the parent stays as it is."""
    names = ("config", "metrics", "out_of_distribution", "best_checkpoint", "judgement")
    pairs = [(getattr(run, name), getattr(target, name)) for name in names]
    pairs += [
        (getattr(old, name), getattr(target.member(number), name))
        for number, old in enumerate(run.members)
        for name in ("config", "manifest", "best_checkpoint", "judgement")
    ]
    for old, new in pairs:
        if old.is_file():
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(old, new)


def _remember(
    run: RunDir, target: RunDir, images: Elsewhere, answers: Answers, labelled: Rows
) -> None:
    """Leave the features of the labelled images, on which the threshold was chosen, as home."""
    keys = (*known_keys(run), *images.cache.keys[labelled].tolist())
    features = answers.features[labelled].astype(np.float32)
    Home(features, np.arange(len(features)), keys).save(target.home)


def joined_manifest(run: RunDir, images: Elsewhere, labelled: Rows, data: Data) -> Manifest:
    """Return what the new run knows: the parent's training, the labelled images, and the rest.

    All that the parent was trained and validated on is ``train``; the labelled cases, on which the
    threshold was chosen, are ``val``; the rest is ``test``.
    """
    table = images.manifest.table
    here = table.assign(
        split=np.where(labelled, "val", "test"), **{OWNER: owned_patients(table, data)}
    )
    known = trained_rows(run)
    renamed = {
        name: HOME + known[name].astype(str) for name in ("image_id", "patient_id", "study_id")
    }
    home = known.assign(split="train", **renamed)
    return images.manifest.with_table(pd.concat([home, here], ignore_index=True))


def hashes_of_parent(run: RunDir) -> tuple[tuple[str, ...], str]:
    """Return the hashes of the parent's checkpoints and of its judgement."""
    checkpoints = tuple(sha256_of(each.best_checkpoint) for each in run.members or [run])
    return checkpoints, sha256_of(run.judgement)


def write_audit(images: Elsewhere, target: RunDir) -> None:
    """Leave what there is to say of the images in the new run."""
    if images.audit is not None:
        write_json(target.audit, images.audit.to_json())
