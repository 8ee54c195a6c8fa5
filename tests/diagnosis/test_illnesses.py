"""Trainings that are ill on purpose: the doctor names the illness, and its first override helps."""

import pandas as pd
import pytest

from medcnn.config import compose
from medcnn.diagnosis import diagnose
from medcnn.diagnosis.facts import read_facts
from medcnn.run_dir import RunDir
from medcnn.settings import check

SMALL = [
    "data.source.n_images=360",
    "data.source.size=64",
    "data.source.difficulty=0.0",
    "data.image_size=48",
    "data.batch_size=16",
    "data.audit=off",
    "augment=none",
    "model=tiny_resnet",
    "model.widths=[8,16,32]",
    "model.dropout=0.0",
    "scheduler=constant",
    "trainer.precision=32-true",
    "trainer.accelerator=cpu",
    "callbacks.patience=100",
]
ILLNESSES = {
    "rate_too_low": ["optimizer.lr=2e-5", "trainer.max_epochs=8"],
    "rate_too_high": ["optimizer=sgd", "optimizer.lr=30.0", "trainer.max_epochs=8"],
    "stopped_early": ["optimizer.lr=3e-3", "trainer.max_epochs=9"],
    "over_fitting": ["optimizer.lr=3e-3", "data.source.difficulty=0.8", "trainer.max_epochs=25"],
}


def train(folder, overrides):
    """Train without test and report; return the curves and the diagnosis."""
    from omegaconf import OmegaConf

    from medcnn import fitting
    from medcnn.data.preparation import prepare
    from medcnn.journal import Journal

    settings = check(compose("train", [*SMALL, *overrides]))
    run = RunDir(folder)
    run.path.mkdir()
    OmegaConf.save(OmegaConf.create(settings), run.config)
    prepared = prepare(settings["data"], seed=0, progress=False)
    prepared.manifest.write(run.manifest)
    data = fitting.build_datamodule(settings, prepared)
    fitting.train(settings, prepared, data, run, Journal(run, seed=0))
    curves = pd.read_csv(run.metrics)
    return curves, diagnose(curves, read_facts(run))


@pytest.mark.long
@pytest.mark.parametrize("illness", ILLNESSES)
def test_the_illness_is_found_and_the_first_override_helps(illness, tmp_path):
    curves, found = train(tmp_path / "ill", ILLNESSES[illness])
    named = {finding.name: finding for finding in found.findings}
    assert illness in named, found.lines()
    remedy = named[illness].overrides[0]
    healed, _ = train(tmp_path / "healed", [*ILLNESSES[illness], remedy])
    # A training that is held back from learning by heart is better at its end.
    of_run = "median" if illness == "over_fitting" else "min"
    better, before = (each["val_loss"].tail(5).agg(of_run) for each in (healed, curves))
    assert better < before, (remedy, found.lines())
