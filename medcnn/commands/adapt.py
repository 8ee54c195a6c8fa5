"""``medcnn adapt``: calibrator and threshold of a run fitted to labelled cases of elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
from omegaconf import DictConfig

from medcnn.adaptation.images import Elsewhere, as_run, read_elsewhere
from medcnn.adaptation.settings import AdaptAsked
from medcnn.data.checks import check_data
from medcnn.data.settings import Data
from medcnn.errors import ConfigError
from medcnn.evaluation.adapted import Adaptation, Parent, cases_needed, paired_changes
from medcnn.evaluation.elsewhere import AtHome, at_home
from medcnn.evaluation.results import Results
from medcnn.files.records import to_json
from medcnn.inference.device import check_device
from medcnn.metrics.thresholds import Threshold
from medcnn.reporting.report import write_report
from medcnn.reporting.summary import announce
from medcnn.run.directory import RunDir, write_json
from medcnn.run.place import new_run
from medcnn.settings.composition import read_config
from medcnn.training.settings import settings_of

if TYPE_CHECKING:
    from medcnn.adaptation.adapt import Fitted, Rows

LEVEL = 0.95


def run(cfg: DictConfig) -> RunDir:
    """Fit a run to labelled cases and return the new run's directory.

    Raises:
        ConfigError: If there are no data, or more labels are asked for than there are.
        DataError: If the cases are too few, or the run was trained on some of them.
        UserError: If there is a run at the output already.
    """
    asked = read_config(AdaptAsked, cfg)
    check_device(asked.device)
    source = RunDir.open(asked.run)
    data = _checked(asked, source)
    target = new_run(asked.output or source.path.parent / _name(source, asked))
    from medcnn.adaptation.adapt import draw_labelled, fit  # torch: seconds
    from medcnn.adaptation.network import with_norms

    if asked.adapt.batch_norm:
        with_norms(source)  # refused before images are looked for and anything is written
    images = read_elsewhere([source], data, asked.split)
    labelled = draw_labelled(images.manifest, asked.labels, asked.seed)
    fitted = fit(source, target, images, labelled, asked)
    results = _conclude(source, target, images, labelled, fitted, asked, data)
    announce(results, target.report)
    return target


def _name(source: RunDir, asked: AdaptAsked) -> str:
    return f"{source.path.resolve().name}_adapted_{asked.labels}"


def _checked(asked: AdaptAsked, source: RunDir) -> Data:
    if asked.data is None:
        raise ConfigError(
            "adapt needs labelled images of elsewhere.",
            expected="data=folder data.root=PATH, or any other source",
            found="no data=",
            remedy="without labels, medcnn shift says how far these images are from home",
        )
    check_data(asked.data)
    if not source.judgement.is_file() or not source.results.is_file():
        raise ConfigError(
            f"The run {source.path} has no judgement that could be fitted.",
            expected="a finished run with judgement.json and results.json",
            found="a run that was stopped, or one of an earlier version",
            remedy="finish it, or train it again",
        )
    return asked.data


def _conclude(
    source: RunDir,
    target: RunDir,
    images: Elsewhere,
    labelled: Rows,
    fitted: Fitted,
    asked: AdaptAsked,
    data: Data,
) -> Results:
    """Write the records of the new run: predictions, results, adaptation, journal and report."""
    from medcnn.adaptation.adapt import joined_manifest, write_audit
    from medcnn.training.completion import Fitted as Judged
    from medcnn.training.story import conclude

    settings = settings_of(source)
    record = _record(source, images, fitted, asked)
    journal = fitted.journal
    journal.note(
        data={
            "source": images.manifest.source,
            "label_policy": images.manifest.label_policy,
            "citation": images.manifest.citation,
        }
    )
    for text in (*record.sentences(), *images.notices):
        journal.warn(text)
    manifest = joined_manifest(source, images, labelled, as_run([source], data))
    manifest.write(target.manifest)
    write_audit(images, target)
    write_json(target.path / "adaptation.json", to_json(record))
    test = fitted.rest if len(fitted.rest) else _out_of_fold(fitted)
    judged = Judged(fitted.labelled, test, fitted.judgement)
    results = conclude(target, settings, manifest, judged, journal)
    journal.finish()
    write_report(target, results, language=asked.language or settings.language)
    return results


def _out_of_fold(fitted: Fitted) -> pd.DataFrame:
    """Return the labelled cases as judged without their patients, at the one threshold."""
    p = fitted.out_of_fold.aligned(fitted.judgement.threshold.value)
    return fitted.labelled.assign(p_abnormal=p, split="test")


def _record(source: RunDir, images: Elsewhere, fitted: Fitted, asked: AdaptAsked) -> Adaptation:
    from medcnn.adaptation.adapt import hashes_of_parent

    checkpoints, judgement = hashes_of_parent(source)
    labelled, new = fitted.labelled, fitted.judgement.threshold
    cross_fitted = at_home(_out_of_fold(fitted), new, "val", LEVEL)
    found = Adaptation(
        parent=Parent(
            path=str(source.path.resolve()),
            checkpoint_sha256=checkpoints,
            judgement_sha256=judgement,
            threshold=fitted.frozen,
        ),
        source=images.manifest.source,
        images=len(labelled),
        patients=int(labelled["patient_id"].nunique()),
        abnormal=int(labelled["label"].sum()),
        seed=asked.seed,
        kind=fitted.refitted.kind,
        slope=fitted.refitted.slope,
        intercept=fitted.refitted.intercept,
        threshold=new,
        smoothed=fitted.refitted.smoothed,
        batch_norm=fitted.norms,
        head=fitted.heads,
        cross_fitted=cross_fitted,
        needed=cases_needed(cross_fitted, asked.width, LEVEL),
    )
    if fitted.rest.empty:
        return found
    return replace(
        found,
        before=_on_rest(fitted.before, fitted.frozen),
        after=_on_rest(fitted.rest, new),
        differences=paired_changes(
            fitted.before, fitted.frozen.value, fitted.rest, new.value, LEVEL
        ),
    )


def _on_rest(table: pd.DataFrame, threshold: Threshold) -> AtHome:
    return at_home(table, threshold, "test", LEVEL)
