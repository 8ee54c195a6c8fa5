"""The predictions and results of a plain run, against a bare loop over its images."""

import numpy as np
import pandas as pd
import pytest
import torch

from medcnn.calibration.fit import fit_calibrator
from medcnn.data.datamodule import XrayDataModule
from medcnn.data.preparation import cache_images
from medcnn.errors import ConfigError
from medcnn.evaluation.results import evaluate
from medcnn.files.plain import read_json
from medcnn.files.records import to_json
from medcnn.inference.runs import run_manifest
from medcnn.inference.settings import run_settings
from medcnn.metrics.thresholds import choose_threshold
from medcnn.metrics.uncertainty import binary_entropy
from medcnn.models.classifier import build_classifier
from medcnn.predictions import read_predictions
from medcnn.training.completion import prediction_device
from medcnn.training.settings import Settings, Trainer


@pytest.fixture(scope="module")
def bare(trained_run):
    """Return val and test by the weights in ``best.ckpt``, batch by batch, and the results."""
    settings = run_settings(trained_run)
    state = torch.load(trained_run.best_checkpoint, weights_only=True)["state_dict"]
    network = (
        build_classifier(**settings.model.arguments).eval().to(memory_format=torch.channels_last)
    )
    network.load_state_dict(
        {name[8:]: value for name, value in state.items() if name.startswith("network.")}
    )
    manifest = run_manifest(trained_run)
    data = XrayDataModule(
        manifest, cache_images(manifest, settings.data), augment=None, batch_size=16
    )
    tables = {}
    for split in ("val", "test"):
        with torch.inference_mode():
            parts = [
                pd.DataFrame(
                    {
                        "image_id": batch["image_id"],
                        "patient_id": batch["patient_id"],
                        "label": batch["label"].numpy().astype(np.int64),
                        "logit": network(
                            (batch["image"] - state["pixel_mean"]) / state["pixel_std"]
                        )
                        .double()
                        .numpy(),
                    }
                )
                for batch in data.loader(split)
            ]
        tables[split] = pd.concat(parts, ignore_index=True).assign(split=split)
    val = tables["val"]
    calibrator = fit_calibrator("temperature", val["logit"], val["label"])
    for split, table in tables.items():
        p = calibrator.probability(table["logit"])
        tables[split] = table.assign(p_abnormal=p, entropy=binary_entropy(p))
    threshold = choose_threshold(
        val["label"].to_numpy(), tables["val"]["p_abnormal"].to_numpy(), "youden"
    )
    results = evaluate(
        tables["test"], threshold, split="test", temperature=calibrator.temperature, seed=0
    )
    return tables, calibrator, threshold, results


def test_a_plain_run_gives_the_numbers_of_a_bare_loop(trained_run, bare):
    _, calibrator, threshold, results = bare
    judged = read_json(trained_run.judgement)
    assert judged["threshold"]["rule"] == "youden"
    assert judged["threshold"]["chosen_on"] == "val"
    assert judged["threshold"]["value"] == pytest.approx(threshold.value, abs=1e-12)
    assert judged["calibrator"]["parameters"] == pytest.approx(calibrator.parameters, abs=1e-12)
    saved = dict(numbers(read_json(trained_run.results)))
    expected = dict(numbers(to_json(results)))
    assert len(expected) > 100
    for name, value in expected.items():
        assert saved[name] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("split", ["val", "test"])
def test_its_tables_hold_the_same(trained_run, bare, split):
    saved = read_predictions(trained_run.predictions(split))
    for name in ("logit", "p_abnormal", "entropy"):
        np.testing.assert_allclose(saved[name], bare[0][split][name], rtol=1e-8)
    assert saved["image_id"].tolist() == bare[0][split]["image_id"].tolist()


def numbers(value, path=""):
    """Yield every number in nested plain values with its place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from numbers(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from numbers(inner, f"{path}/{place}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


def test_what_was_trained_on_the_processor_is_predicted_there():
    assert prediction_device(Settings(trainer=Trainer(accelerator="cpu"))) == torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="the machine has a GPU")
def test_a_device_asked_for_is_not_replaced_by_another():
    with pytest.raises(ConfigError, match="no device cuda"):
        prediction_device(Settings(trainer=Trainer(accelerator="cpu"), device="cuda"))
