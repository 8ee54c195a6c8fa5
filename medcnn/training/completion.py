"""From trained weights to a judged run: for one model seen once as for many in many passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch

from medcnn.calibration.answers import combine, fit_judgement, probabilities
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.judgement import Judgement
from medcnn.data.datamodule import XrayDataModule
from medcnn.evaluation.ablation import Ablation, ablations, fewer
from medcnn.inference.device import choose_device
from medcnn.inference.loading import TrainedModel, copy_into_checkpoint
from medcnn.inference.out_of_distribution import fit_on_images, keep_home
from medcnn.inference.predictor import Predictor
from medcnn.inference.runs import passes_of
from medcnn.inference.settings import AskedViews
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.training.calibrating import calibrator_for
from medcnn.training.settings import Settings


@dataclass(frozen=True)
class Fitted:
    """What fitting leaves for evaluation.

    Attributes:
        val: Predictions of validation.
        test: Predictions of test.
        judgement: What made answers of the logits.
        ablation: What members, views and passes bought on test; empty for one model seen once.
    """

    val: pd.DataFrame
    test: pd.DataFrame
    judgement: Judgement
    ablation: tuple[Ablation, ...] = ()


def complete(
    settings: Settings,
    models: Sequence[TrainedModel],
    data: XrayDataModule,
    run: RunDir,
    journal: Journal,
    device: torch.device,
) -> Fitted:
    """Judge the models together on validation, predict test, and learn what is foreign to them.

    Args:
        settings: The configuration of the run.
        models: Its members, each judged alone unless it is the only one and seen once.
        data: Its images.
        run: Where the judgement and the detector of foreign images go.
        journal: Takes warnings.
        device: Where it is predicted.
    """
    predictor = Predictor(models, passes_of(AskedViews(), settings), device)
    for text in predictor.notes:
        journal.warn(text)
    val, judgement = judge(settings, predictor, data, run)
    own = [model.calibrator for model in models]
    cases, logit_MVSN = predictor.through(data.test_dataloader())
    test = cases.assign(split="test").join(combine(logit_MVSN, own, judgement))
    ablation = ablations(cases, fewer(probabilities(logit_MVSN, own)))
    keep_home(models[0], data, run, settings.seed)
    if settings.out_of_distribution:
        val, test = _flag_foreign(settings, models[0], data, run, val, test)
    return Fitted(val, test, judgement, ablation)


def judge(
    settings: Settings, predictor: Predictor, data: XrayDataModule, run: RunDir
) -> tuple[pd.DataFrame, Judgement]:
    """Fit the judgement of a run on its validation images, and return their predictions with it.

    The run counts as trained from then on: ``judgement.json`` is written last.
    """
    cases, logit_MVSN = predictor.through(data.val_dataloader())
    single = predictor.passes.single and len(predictor.members) == 1
    alone = [] if single else [member.judged for member in predictor.members]
    judgement = fit_judgement(
        predictor.passes,
        logit_MVSN,
        cases["label"],
        calibration=calibrator_for(settings).name,
        rule=settings.threshold,
        alone=alone,
    )
    if single:
        predictor.members[0].judgement = judgement
        copy_into_checkpoint(judgement, run)
    elif len(alone) == 1:
        judgement = replace(judgement, alone=alone[0])
    judgement.save(run.judgement)
    own: list[Calibrator] = [each.calibrator for each in alone]
    return cases.assign(split="val").join(combine(logit_MVSN, own, judgement)), judgement


def prediction_device(settings: Settings) -> torch.device:
    """Return where validation and test are predicted: where the run was trained, unless told.

    Raises:
        ConfigError: If this machine has no such device.
    """
    asked, trainer = settings.device, settings.trainer
    if asked == "auto" and trainer.accelerator == "cpu":
        asked = "cpu"
    device = choose_device(asked)
    if asked == "auto" and device.type == "cuda" and isinstance(trainer.devices, tuple):
        return torch.device("cuda", trainer.devices[0])
    return device


def _flag_foreign(
    settings: Settings,
    model: TrainedModel,
    data: XrayDataModule,
    run: RunDir,
    val: pd.DataFrame,
    test: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep what training images look like, and add the columns of foreign images to val and test."""
    detector, judged = fit_on_images(
        model,
        data,
        model.calibrator,
        str(settings.out_of_distribution),
        quantile=settings.ood_quantile,
        seed=settings.seed,
    )
    detector.save(run.out_of_distribution)
    return val.join(judged["val"]), test.join(judged["test"])
