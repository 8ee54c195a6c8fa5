"""Training: the whole story of a run, in order.

Nothing here imports torch until the configuration and the data have proved sound.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from medcnn.console import say, warn
from medcnn.data.audit.audit import Audit
from medcnn.data.manifest import SPLITS, Manifest
from medcnn.data.preparation import Prepared, prepare
from medcnn.data.splits.file import write_split
from medcnn.diagnosis import Diagnosis, diagnose_run
from medcnn.evaluation.columns import columns_asked
from medcnn.evaluation.out_of_distribution import flagged_results
from medcnn.evaluation.results import Results, evaluate
from medcnn.evaluation.safeguards import safeguard, with_safeguards
from medcnn.evaluation.verdict import Background, classes_of, trials_of
from medcnn.files.records import to_json
from medcnn.inference.device import check_device
from medcnn.notices import Notice
from medcnn.predictions import write_predictions
from medcnn.reporting.report import write_report
from medcnn.reporting.summary import announce
from medcnn.run.directory import RunDir, write_json
from medcnn.run.faults import foreseen
from medcnn.run.journal import Journal
from medcnn.run.place import begin, choose_run_dir, held
from medcnn.run.settings import read_config
from medcnn.training.calibrating import calibrator_for
from medcnn.training.settings import Settings, checked, read_begun

if TYPE_CHECKING:
    from medcnn.training.completion import Fitted


def run(settings: Settings) -> RunDir:
    """Train, test and report one model; return its run directory.

    Args:
        settings: What ``medcnn.training.settings.check`` returned.
    """
    check_device(settings.device)
    directory = RunDir(choose_run_dir(settings.run_dir, settings.name))
    with held(directory):
        begin(directory, settings)
        return _train(directory, settings)


def resume(directory: RunDir) -> RunDir:
    """Go on with a run from its newest state; a finished run is left as it is."""
    if directory.results.is_file() and directory.report.is_file():
        say(f"{directory.path} is finished; its report is {directory.report}")
        return directory
    if directory.results.is_file() and read_config(directory).get("task") == "autoencoder":
        say(f"{directory.path} is finished; start a classifier by model.weights={directory.path}")
        return directory
    settings = checked(read_begun(directory))
    check_device(settings.device)
    with held(directory):
        say(f"going on with {directory.path}")
        return _train(directory, settings)


def _train(directory: RunDir, settings: Settings) -> RunDir:
    with foreseen(directory.path, settings.data.batch_size):
        return _story(directory, settings)


def _story(directory: RunDir, settings: Settings) -> RunDir:
    journal = Journal(directory, seed=settings.seed, echo=warn)
    with journal.stage("data"):
        prepared = prepare_run(directory, settings)
    _note_data(journal, prepared, directory)
    if settings.trainer.fast_dev_run:
        journal.warn(Notice("fast_dev_run"))
    if settings.task == "autoencoder":
        return _pretrain(directory, settings, prepared, journal)
    for notice in calibrator_for(settings).notices:
        journal.warn(notice)
    from medcnn.training.threads import working_threads  # torch: seconds

    with working_threads(settings, journal):
        return _fit_and_report(directory, settings, prepared, journal)


def _fit_and_report(
    directory: RunDir, settings: Settings, prepared: Prepared, journal: Journal
) -> RunDir:
    from medcnn.training.members import fit  # Lightning: seconds

    fitted = fit(settings, prepared, directory, journal)
    _note_checkpoints(journal, directory)
    with journal.stage("evaluate"):
        results = conclude(directory, settings, prepared.manifest, fitted, journal)
        from medcnn.inspection.run import dead_share, inspect_models

        seen = inspect_models(directory, prepared.manifest, prepared.cache)
        diagnosis = diagnose_run(directory, dead=dead_share(seen))
        results = _with_diagnosis(directory, results, diagnosis)
        background = _background(prepared.manifest, fitted, journal, prepared.audit, diagnosis)
        results = results.judged(background)
        write_json(directory.results, to_json(results))
    journal.finish()
    with journal.stage("report"):
        write_report(directory, results, language=settings.language)
    if settings.logger:
        from medcnn.training.loggers import log_results  # Lightning's

        log_results(settings, directory, results)
    announce(results, directory.report, told=journal.facts["warnings"])
    for line in diagnosis.lines():
        say(line)
    return directory


def _note_checkpoints(journal: Journal, directory: RunDir) -> None:
    """Note the hash of the checkpoint, or of each member's in order."""
    hashes = []
    for run in directory.members or [directory]:
        with run.best_checkpoint.open("rb") as stream:
            hashes.append(hashlib.file_digest(stream, "sha256").hexdigest())
    journal.note(checkpoint_sha256=hashes if directory.members else hashes[0])


def _pretrain(
    directory: RunDir, settings: Settings, prepared: Prepared, journal: Journal
) -> RunDir:
    """Train an encoder without labels; what it leaves is read by ``model.weights=RUN_DIR``."""
    from medcnn.training.pretraining import pretrain  # torch: seconds
    from medcnn.training.threads import working_threads

    with working_threads(settings, journal):
        results = pretrain(settings, prepared, directory, journal)
    journal.finish()
    write_json(directory.results, results | {"warnings": journal.facts["warnings"]})
    say(f"figure       {directory.figures / 'reconstruction.png'}")
    backbone = settings.model.backbone
    say(f"encoder      start a {backbone} from it by model.weights={directory.path}")
    return directory


def prepare_run(directory: RunDir, settings: Settings) -> Prepared:
    """Prepare the data and leave its split, manifest and audit in the run directory."""
    prepared = prepare(
        settings.data,
        on_split=lambda manifest: write_split(manifest, directory.split),
        on_audit=lambda audit: write_json(directory.audit, audit.to_json()),
    )
    prepared.manifest.write(directory.manifest)
    say(f"labels       {prepared.manifest.label_policy}")
    for split in SPLITS:
        labels = prepared.manifest.split(split)["label"]
        n, abnormal = len(labels), int(labels.sum())
        say(f"{split:5}  {n:6} images, {n - abnormal} normal, {abnormal} abnormal")
    return prepared


def _note_data(journal: Journal, prepared: Prepared, directory: RunDir) -> None:
    manifest, audit = prepared.manifest, prepared.audit
    found = () if audit is None else (*audit.leaks, *audit.findings)
    for text in dict.fromkeys((*manifest.warnings, *found)):
        journal.warn(text)
    journal.note(
        data={
            "source": manifest.source,
            "label_policy": manifest.label_policy,
            "citation": manifest.citation,
            "manifest_sha256": hashlib.sha256(directory.manifest.read_bytes()).hexdigest(),
            "images_blake2b": prepared.cache.digest,
        }
    )


def conclude(
    directory: RunDir,
    settings: Settings,
    manifest: Manifest,
    fitted: Fitted,
    journal: Journal,
) -> Results:
    """Write the predictions and ``results.json``: the one look at the test split."""
    threshold, calibrator = fitted.judgement.threshold, fitted.judgement.calibrator
    tested = manifest.table[manifest.table["image_id"].isin(fitted.test["image_id"])]
    asked = columns_asked(settings.subgroups, tested)
    extra = [name for name in asked if name in manifest.table.columns]
    for name in set(asked) - set(extra):
        journal.warn(Notice("no_column", name=name))
    columns = manifest.table[["image_id", *extra]]
    test = fitted.test.merge(columns, on="image_id", how="left", validate="one_to_one")
    safeguarded = safeguard(
        fitted.val,
        test,
        threshold,
        settings.safeguards,
        calibrator=calibrator.name,
        seed=settings.seed,
    )
    test = safeguarded.table
    write_predictions(fitted.val, directory.predictions("val"))
    write_predictions(test, directory.predictions("test"))
    results = evaluate(
        test,
        threshold,
        split="test",
        subgroups=extra,
        temperature=calibrator.temperature,
        seed=settings.seed,
    )
    results = with_safeguards(results, safeguarded, subgroups=extra)
    foreign, more = flagged_results(test, threshold.value, 1 - settings.ood_quantile)
    if calibrator.note:
        more.append(Notice("calibration_note", what=calibrator.note))
    results = replace(
        results,
        out_of_distribution=foreign,
        ablation=fitted.ablation or None,
        calibration=replace(results.calibration, calibrator=calibrator),
    )
    journal.note(test_looks=journal.facts["test_looks"] + 1)
    results = results.warned(first=journal.facts["warnings"], last=more)
    results = results.judged(_background(manifest, fitted, journal))
    write_json(directory.results, to_json(results))
    return results


def _with_diagnosis(directory: RunDir, results: Results, diagnosis: Diagnosis) -> Results:
    """Leave what the learning curves say beside the results, and in them."""
    write_json(directory.path / "diagnosis.json", diagnosis.to_json())
    return replace(results, diagnosis=diagnosis.rows())


def _background(
    manifest: Manifest,
    fitted: Fitted,
    journal: Journal,
    audit: Audit | None = None,
    diagnosis: Diagnosis | None = None,
) -> Background:
    """Return what the verdict has to know beyond the numbers."""
    return Background(
        source=manifest.source,
        validation=classes_of(fitted.val),
        audit=None if audit is None else audit.verdict,
        audit_findings=0 if audit is None else len(audit.findings) + len(audit.leaks),
        diagnosis=() if diagnosis is None else diagnosis.warned,
        looks=journal.facts["test_looks"],
        trial=trials_of(journal.facts["warnings"]),
    )
