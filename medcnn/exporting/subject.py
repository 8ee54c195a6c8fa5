"""What is exported of a run: its members and judgement, and what was measured of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from medcnn.calibration.detector import Detector
from medcnn.errors import ConfigError
from medcnn.evaluation.results import Results, evaluate, read_results
from medcnn.exporting.settings import Export
from medcnn.inference.out_of_distribution import load_detector
from medcnn.inference.runs import Panel, assemble, predict_split
from medcnn.inference.settings import AskedViews, Inference, RunSettings, Views, run_settings
from medcnn.notices import Notice
from medcnn.record.record import Record
from medcnn.run.directory import RunDir
from medcnn.settings.grammar import written

PLAIN = AskedViews(tta="none", mc_samples=0)


@dataclass(frozen=True)
class Subject:
    """What is exported.

    Attributes:
        run: Where it comes from.
        settings: Those of the run, of one plain look at an image.
        panel: Members and judgement, on the CPU.
        detector: Of foreign images; None where the run has none.
        validation: The predictions that the threshold was chosen on.
        results: The numbers on test, made in the way that is exported.
        as_trained: Whether that is the way in which the run was judged by training.
        warnings: What a reader has to know.
    """

    run: RunDir
    settings: RunSettings
    panel: Panel
    detector: Detector | None
    validation: pd.DataFrame
    results: Results
    as_trained: bool
    warnings: tuple[str, ...] = ()


def load_subject(run: RunDir, asked: Export) -> Subject:
    """Return what is exported of a run.

    Raises:
        ConfigError: If the run looks at an image several times and no single pass is asked for, or if
            its models answer as one by no judgement of their own, as folds do.
        WeightsError: If it is not finished.
        DataError: If something of it is missing or damaged.
    """
    settings = run_settings(run)
    views = settings.views
    if not views.once and not asked.single_pass:
        raise ConfigError(
            f"{run.path} looks at each image several times, and a graph looks once.",
            expected="a run of tta=none mc_samples=0",
            found=f"tta={views.tta} mc_samples={views.mc_samples}",
            remedy="see what one look is worth by medcnn evaluate "
            f"{written('run', run.path)} tta=none mc_samples=0, then export it with single_pass=true",
        )
    how = Inference(views=PLAIN, batch_size=asked.batch_size, device="cpu")
    panel = assemble([run], how)
    if views.once:
        return _as_trained(run, settings, panel)
    return _judged_anew(run, replace(settings, views=Views()), panel, how)


def _as_trained(run: RunDir, settings: RunSettings, panel: Panel) -> Subject:
    if panel.validation is not None:
        raise ConfigError(
            f"{run.path} holds models without a judgement that makes them one.",
            expected="a single model, or an ensemble of ensemble.members=N",
            found=f"{len(panel.predictor.members)} models, as the folds of a cross-validation are",
            remedy=f"export one of them: {written('run', run.member(0).path)}",
        )
    validation, results = Record(run).predictions("val"), read_results(run.results)
    return Subject(run, settings, panel, load_detector(run), validation, results, True, panel.notes)


def _judged_anew(run: RunDir, settings: RunSettings, panel: Panel, how: Inference) -> Subject:
    """Return a single look's own threshold, validation and numbers: those of many looks are not its."""
    validation = panel.validation
    if validation is None:
        validation = predict_split([run], "val", how).table
    test = predict_split([run], "test", how)
    results = evaluate(test.table, panel.threshold, split="test", seed=settings.seed)
    warnings = (*panel.notes, Notice("single_pass"))
    return Subject(run, settings, panel, load_detector(run), validation, results, False, warnings)
