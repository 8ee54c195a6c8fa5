"""``medcnn evaluate run=RUN data=…``: a trained run on images that it never saw, beside home."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from medcnn.adaptation.images import Elsewhere, read_elsewhere
from medcnn.commands.measuring import measured, way_of_looking, write_evaluation
from medcnn.commands.settings import Evaluate
from medcnn.commands.validation import validation_predictions
from medcnn.console import say
from medcnn.data.checks import check_data
from medcnn.data.settings import Data
from medcnn.errors import ConfigError
from medcnn.evaluation.columns import AUTO, BY_DEFAULT, columns_asked, with_manifest
from medcnn.evaluation.elsewhere import External, at_home, differences, told_differences
from medcnn.evaluation.operating_point import given_threshold
from medcnn.evaluation.out_of_distribution import flagged_results
from medcnn.evaluation.patients import at_level
from medcnn.evaluation.readers import readers_for
from medcnn.evaluation.results import Results
from medcnn.evaluation.verdict import Background, classes_of
from medcnn.inference.settings import run_settings
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice
from medcnn.record.record import Record
from medcnn.reporting.contents import Examined
from medcnn.reporting.summary import show_estimate
from medcnn.run.directory import RunDir, write_json
from medcnn.run.journal import count_look

if TYPE_CHECKING:
    from medcnn.adaptation.external import Abroad


def of_elsewhere(asked: Evaluate, data: Data) -> Results:
    """Evaluate runs on the images that ``data`` names, and write results and report.

    Raises:
        ConfigError: If there is no run, or a rule would choose the threshold again.
        DataError: If the images cannot be read, or a run was trained on some of them.
    """
    if not asked.run:
        raise ConfigError(
            "data= names images, and no run is named that would look at them.",
            expected="run=RUN_DIR data=folder data.root=PATH",
            found="no run=",
            remedy="a table of predictions has its data already: leave data= out",
        )
    runs = [RunDir.open(path) for path in asked.run]
    given = None if asked.threshold is None else given_threshold(asked.threshold)
    check_data(data)
    from medcnn.adaptation.external import predict_elsewhere  # torch: seconds

    images = read_elsewhere(runs, data, asked.split)
    say(f"{len(images.manifest)} images of {images.manifest.source}, none found in the training")
    found = predict_elsewhere(runs, images, asked.inference, asked.of)
    threshold = given or found.threshold
    rows, results = _measured(asked, images, found, threshold)
    results = _beside_home(asked, runs, images, results, given)
    results = results.judged(_background(images, found))
    _write(rows, results, asked, images, asked.output or _folder(runs, asked, data))
    return results


def _measured(
    asked: Evaluate, images: Elsewhere, found: Abroad, threshold: Threshold
) -> tuple[pd.DataFrame, Results]:
    """Return the cases and their results, foreign images counted."""
    known = images.manifest.table
    by_default = BY_DEFAULT if AUTO in asked.subgroups else ()
    table = with_manifest(found.answers.table, known, (*asked.subgroups, *by_default))
    asked = replace(asked, subgroups=tuple(columns_asked(asked.subgroups, table)))
    readers = readers_for(asked.readers, table, asked.level)
    expected = 1 - run_settings(RunDir.open(asked.run[0])).ood_quantile
    foreign, more = flagged_results(table, threshold.value, expected)
    table, notes = at_level(table, asked.level, asked.aggregate, asked.subgroups)
    val = found.validation
    if val is None and asked.safeguards.any:
        val = validation_predictions([RunDir.open(path) for path in asked.run], asked)
    if notes:
        notes = (*notes, Notice("own_threshold"))
        val = val if val is None else at_level(val, asked.level, asked.aggregate)[0]
    said = (*images.notices, *found.notes, *notes)
    rows, results = measured(table, threshold, asked, val, said, readers)
    return rows, replace(results.warned(last=more), out_of_distribution=foreign)


def _beside_home(
    asked: Evaluate,
    runs: Sequence[RunDir],
    images: Elsewhere,
    results: Results,
    given: Threshold | None,
) -> Results:
    """Return the results with home's, and the differences from it."""
    from medcnn.adaptation.external import home_cases

    manifest = images.manifest
    found = External(
        source=manifest.source,
        label_policy=manifest.label_policy,
        split=asked.split,
        unreadable=images.unreadable,
    )
    cases, notes = home_cases(runs, asked.inference)
    if cases is None:
        return replace(results, external=found).warned(last=notes)
    if cases.looked and runs[0].environment.is_file():
        count_look(runs[0])
    table = cases.table
    if asked.level != "image":
        table = with_manifest(table, Record(runs[0]).manifest.table)
        table = at_level(table, asked.level, asked.aggregate)[0]
    home = at_home(table, given or cases.threshold, cases.split, results.level)
    apart = differences(results, home)
    found = replace(found, home=home, differences=apart)
    return replace(results, external=found).warned(first=told_differences(apart))


def _background(images: Elsewhere, found: Abroad) -> Background:
    audit = images.audit
    return Background(
        source=images.manifest.source,
        validation=classes_of(found.validation),
        audit=None if audit is None else audit.verdict,
        audit_findings=0 if audit is None else len(audit.findings) + len(audit.leaks),
    )


def _folder(runs: Sequence[RunDir], asked: Evaluate, data: Data) -> Path:
    """Return where the results go: one folder for each data set and way of looking at it."""
    place = Path(data.root).resolve().name if data.root else ""
    parts = [asked.of, data.name or "data", place, asked.split or "", *way_of_looking(asked)]
    name = "_".join(dict.fromkeys(part for part in parts if part))
    return runs[0].path / "evaluations" / re.sub(r"[^\w.-]+", "-", name)


def _write(
    rows: pd.DataFrame, results: Results, asked: Evaluate, images: Elsewhere, folder: Path
) -> None:
    if images.audit is not None:
        write_json(folder / "audit.json", images.audit.to_json())
    name = f"{Path(asked.run[0]).resolve().name} · {images.manifest.source}"
    examined = Examined(images.manifest, images.audit)
    write_evaluation(rows, results, asked, folder, name=name, images=examined)
    home = results.external.home if results.external else None
    if home is not None:
        say(f"at home      {home.split}: sensitivity {show_estimate(home.sensitivity)}")
        say(f"             specificity {show_estimate(home.specificity)}")
        say(f"             AUROC {show_estimate(home.auroc)}")
