"""The directory of a cross-validation: an ensemble of its folds, with one report of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from medcnn.console import say, warn
from medcnn.crossvalidation.joining import OutOfFold, cross_validation_results, join
from medcnn.crossvalidation.out_of_source import CHOSEN_ON, Refitted, refit
from medcnn.evaluation.columns import columns_asked
from medcnn.evaluation.cross_validation import CrossValidation
from medcnn.evaluation.new_site import MEASURES, Expected, new_site_results
from medcnn.evaluation.results import Results, evaluate
from medcnn.evaluation.verdict import Background, trials_of
from medcnn.files.records import to_json
from medcnn.inference.settings import AskedDropout, AskedViews, Inference
from medcnn.notices import Notice
from medcnn.predictions import write_predictions
from medcnn.record.record import Record
from medcnn.reporting.report import write_report
from medcnn.reporting.summary import announce
from medcnn.run.directory import RunDir, atomic_path, write_json
from medcnn.run.entries import read_entries
from medcnn.run.journal import Journal
from medcnn.run.settings import write_settings
from medcnn.training.calibrating import calibrator_for
from medcnn.training.settings import Settings


def report_folds(directory: RunDir, members: Sequence[RunDir], settings: Settings) -> Results:
    """Join the folds' predictions into ``directory`` and return its results.

    Leaves ``predictions/``, ``folds.csv``, ``results.json``, ``report.html`` and ``judgement.json``,
    which makes the folds an ensemble: ``predict.py run=DIRECTORY`` asks all of them.

    Args:
        directory: Where everything goes; ``members/0``, ``members/1`` … lie or will lie in it.
        members: The finished runs of all folds, in order.
        settings: The configuration of the folds.
    """
    journal = Journal(directory, seed=settings.seed, echo=warn)
    if not directory.config.is_file():
        write_settings(directory, settings)
    by = settings.data.fold_by if settings.data.folds_by_source else ""
    joined, refitted = join(members, by), None
    if settings.threshold_on == CHOSEN_ON:
        calibration = calibrator_for(settings).name
        refitted = refit(joined, calibration=calibration, rule=settings.threshold)
        joined = refitted.joined
    _write_tables(directory, members, joined)
    for text in _warnings_of(members):
        journal.warn(text)
    with journal.stage("evaluate"):
        results = _evaluate(joined, members, settings)
    with journal.stage("ensemble"):
        _combine(directory, members, settings, journal, refitted)
    results = results.warned(first=journal.facts["warnings"])
    journal.note(test_looks=_looks(members))
    source = (read_entries(members[0]).content.get("data") or {}).get("source")
    trial = trials_of(journal.facts["warnings"])
    results = results.judged(Background(source=source, looks=_looks(members), trial=trial))
    write_json(directory.results, to_json(results))
    journal.finish()
    with journal.stage("report"):
        write_report(directory, results, language=settings.language)
    if settings.logger:
        from medcnn.training.loggers import log_results  # Lightning's

        log_results(settings, directory, results)
    announce(results, directory.report, told=journal.facts["warnings"])
    for line in (*_lines(results.cross_validation), *_new_site_lines(results)):
        say(line)
    return results


def _write_tables(directory: RunDir, members: Sequence[RunDir], joined: OutOfFold) -> None:
    write_predictions(joined.table, directory.predictions(joined.role))
    columns = ["image_id", "patient_id", "fold", "source"]
    folds = joined.table[[name for name in columns if name in joined.table]]
    manifest = _known(members)
    held_out = manifest["image_id"].isin(folds["image_id"])
    manifest = manifest[held_out | (manifest["split"] == "test")].copy()
    manifest.loc[manifest["image_id"].isin(folds["image_id"]), "split"] = joined.role
    curves = [
        Record(run).curves.assign(fold=fold)
        for fold, run in enumerate(members)
        if run.metrics.is_file()
    ]
    tables = {directory.folds: folds, directory.manifest: manifest}
    if curves:
        tables[directory.metrics] = pd.concat(curves)
    for path, table in tables.items():
        with atomic_path(path) as temporary:
            table.to_csv(temporary, index=False)
    if members[0].audit.is_file():
        write_json(directory.audit, Record(members[0]).audit.content)


def _known(members: Sequence[RunDir]) -> pd.DataFrame:
    """Return the images of all folds; a fold by source lacks those that its patients have elsewhere."""
    tables = pd.concat([Record(run).manifest.table for run in members], ignore_index=True)
    return tables.drop_duplicates("image_id", ignore_index=True)


def _evaluate(joined: OutOfFold, members: Sequence[RunDir], settings: Settings) -> Results:
    known = _known(members)
    extra = [name for name in columns_asked(settings.subgroups, known) if name in known]
    table = joined.table.drop(columns=[name for name in extra if name in joined.table])
    table = table.merge(known[["image_id", *extra]], on="image_id", how="left")
    results = evaluate(
        table.assign(fold=table["fold"].astype(str)),
        joined.threshold,
        split=joined.role,
        subgroups=[*extra, "fold"],
        seed=settings.seed,
    )
    found = cross_validation_results(joined)
    warnings = [Notice("out_of_fold", folds=found.folds, spread=found.spread_of_thresholds)]
    if joined.role == "val":
        warnings.append(Notice("folds_validated"))
    results = replace(results, cross_validation=found).warned(last=warnings)
    if not settings.data.folds_by_source:
        return results
    on = settings.threshold_on
    expected, sources = new_site_results(joined.table, settings.data.fold_by, on)
    told = [Notice("threshold_out_of_source")] if on == CHOSEN_ON else []
    return replace(results, new_site=expected, sources=sources).warned(last=told)


def _combine(
    directory: RunDir,
    members: Sequence[RunDir],
    settings: Settings,
    journal: Journal,
    refitted: Refitted | None,
) -> None:
    """Fit how the folds answer together: on validation of each, or on out-of-source predictions."""
    if any(run.members for run in members):
        runs = ",".join(str(run.path) for run in members)
        journal.warn(Notice("fold_ensembles", runs=runs))
        return
    from medcnn.inference.runs import assemble  # torch: seconds

    dropout = settings.views.mc
    how = Inference(
        AskedViews(mc=AskedDropout(dropout.inject, dropout.p)),
        batch_size=2 * settings.data.batch_size,
        device=settings.device,
        seed=settings.seed,
    )
    panel = assemble(list(members), how)
    judgement, validation = panel.judgement, panel.validation
    if refitted is not None:
        judgement = replace(
            judgement,
            calibrator=refitted.calibrator,
            threshold=refitted.threshold,
            notes=(Notice("threshold_of_strangers"),),
        )
        validation = refitted.validation
    judgement.save(directory.judgement)
    if validation is not None and not directory.predictions("val").is_file():
        # What the folds say together of a new image is compared with what they said of these.
        write_predictions(validation, directory.predictions("val"))


def _warnings_of(members: Sequence[RunDir]) -> list[str]:
    """Return what every fold warned of in the same words; the rest stands in their reports."""
    found = [read_entries(run).warnings for run in members]
    return [text for text in found[0] if all(text in each for each in found)]


def _looks(members: Sequence[RunDir]) -> int:
    return max(read_entries(run).test_looks for run in members)


def _lines(found: CrossValidation | None) -> list[str]:
    if found is None:
        return []
    lines = [f"folds        {found.folds}, each image held out once"]
    for name, spread in found.mean.items():
        if spread.mean is not None:
            sd = "" if spread.sd is None else f", SD {spread.sd:.3f}"
            lines.append(
                f"{name.replace('auroc', 'AUROC'):12} mean over folds {spread.mean:.3f}{sd}, "
                f"{spread.lowest:.3f} to {spread.highest:.3f}"
            )
    return lines


def _new_site_lines(results: Results) -> list[str]:
    """Return both intervals of each measure, and the worst source."""
    if results.new_site is None or results.sources is None:
        return []
    lines = [f"new site     {results.new_site.sources} sources by {results.sources.by}"]
    for name in MEASURES:
        found: Expected = getattr(results.new_site, name)
        differing = results.sources.heterogeneity.get(name)
        if found.ci is None or found.prediction_interval is None or differing is None:
            continue
        (low, high), (least, most) = found.ci, found.prediction_interval
        lines.append(
            f"{name.replace('auroc', 'AUROC'):12} {found.value:.3f} (95% CI {low:.3f} to {high:.3f}), "
            f"at a new site {least:.3f} to {most:.3f} (95% prediction), worst {differing.worst}"
        )
    return lines
