import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from medcnn.cli import run
from medcnn.data.manifest import build_manifest, read_table
from medcnn.data.preparation import Prepared, cache_images
from medcnn.inference.batch_statistics import freeze_as_trained
from medcnn.inference.loading import load_model
from medcnn.models.settings import Transfer
from medcnn.predictions import read_predictions
from medcnn.run.directory import RunDir
from medcnn.training.fitting import build_datamodule
from medcnn.training.settings import settings_of


@pytest.fixture(scope="module")
def restated(trained_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("population") / "run"
    assert run("population", [f"run={trained_run.path}", f"output={folder}"]) == 0
    return RunDir(folder)


def first_convolution(source):
    """Return batch by batch what the first batch normalisation of a run sees in training."""
    settings = settings_of(source)
    manifest = build_manifest(read_table(source.manifest), source="run")
    cache = cache_images(manifest, settings.data)
    loader = build_datamodule(settings, Prepared(manifest, cache, None)).train_dataloader()
    model = load_model(source)
    body = model.network.backbone.body
    name = next(n for n, each in body.named_modules() if isinstance(each, torch.nn.BatchNorm2d))
    seen = []
    body.get_submodule(name).register_forward_pre_hook(lambda _, x: seen.append(x[0].double()))
    with torch.no_grad():
        for batch in loader:
            model(batch["image"])
    return name, seen


def test_the_first_layer_has_the_mean_of_means_and_of_corrected_variances(trained_run, restated):
    name, seen = first_convolution(trained_run)
    assert len(seen) > 1
    m = seen[0].numel() // seen[0].shape[1]
    mean = np.mean([x.mean((0, 2, 3)).numpy() for x in seen], axis=0)
    var = np.mean([x.numpy().var((0, 2, 3)) for x in seen], axis=0) * m / (m - 1)
    norm = load_model(restated).network.backbone.body.get_submodule(name)
    np.testing.assert_allclose(norm.running_mean, mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norm.running_var, var, rtol=1e-4)
    old = load_model(trained_run).network.backbone.body.get_submodule(name)
    assert not torch.equal(old.running_var, norm.running_var)


def test_weights_stay_and_calibration_predictions_and_report_are_anew(trained_run, restated):
    before, after = load_model(trained_run), load_model(restated)
    for (name, old), new in zip(
        before.network.named_parameters(), after.network.parameters(), strict=True
    ):
        assert torch.equal(old, new), name
    ours, theirs = (read_predictions(each.predictions("val")) for each in (restated, trained_run))
    assert ours["image_id"].tolist() == theirs["image_id"].tolist()
    assert not np.allclose(ours["logit"], theirs["logit"])
    results = json.loads(restated.results.read_text())
    assert results["n"] == len(pd.read_csv(restated.predictions("test")))
    assert any("re-estimated" in text for text in results["warnings"])
    assert restated.report.is_file()
    journal = json.loads(restated.environment.read_text())
    old = json.loads(trained_run.environment.read_text())
    assert journal["weights"] == old["weights"]
    assert journal["test_looks"] == old["test_looks"] + 1
    assert len(journal["population_statistics"]["layers"]) > 1
    assert run("evaluate", [f"run={restated.path}", "split=val"]) == 0


def test_frozen_layers_keep_their_statistics(trained_run):
    model = load_model(trained_run)
    model.settings = replace(model.settings, transfer=Transfer("medcnn.models.transfer.LastStage"))
    freeze_as_trained(model, trained_run, epoch=0, n_train=50)
    trains = {name for name, p in model.network.named_parameters() if p.requires_grad}
    assert any("layer2" in name for name in trains)
    assert not any("layer1" in name or "stem" in name for name in trains)


def test_a_run_in_the_way_is_not_overwritten(trained_run, restated, capsys):
    assert run("population", [f"run={trained_run.path}", f"output={restated.path}"]) == 2
    assert "There is a run in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"), [(["batches=0"], "batches"), (["run=/nowhere"], "not a run directory")]
)
def test_faults_are_said(trained_run, arguments, text, capsys):
    assert run("population", [f"run={trained_run.path}", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_where_all_layers_were_frozen_there_is_nothing_to_re_estimate(
    trained_run, tmp_path, capsys, seal
):
    probe = RunDir(tmp_path / "run")
    shutil.copytree(trained_run.path, probe.path)
    settings = OmegaConf.load(probe.config)
    settings.transfer = {"_target_": "medcnn.models.transfer.LinearProbe"}
    OmegaConf.save(settings, probe.config)
    seal(probe)
    assert run("population", [f"run={probe.path}"]) == 2
    assert "all of them frozen" in capsys.readouterr().err
    assert not (probe.path / "population").exists(), "a second attempt is not told of a run there"


def test_averages_of_weights_do_not_go_with_the_callback(easy_data, capsys):
    given = ["callbacks.population_statistics=true", "callbacks.ema=0.9"]
    assert run("train", [*easy_data, *given]) == 2
    assert "callbacks.ema=0.9" in capsys.readouterr().err
