import numpy as np
import pytest

import medcnn
from medcnn.data.preparation import cache_images
from medcnn.files.plain import read_json
from medcnn.inference.loading import load_model
from medcnn.inference.runs import run_manifest
from medcnn.inference.settings import run_settings
from medcnn.inspection.network import Inspection, Layer, inspect
from medcnn.inspection.run import dead_share, inspect_models, inspect_run

EMPTY = np.empty(0)


@pytest.fixture(scope="module")
def pair(easy_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair") / "run"
    return medcnn.train(
        [*easy_data, "trainer.max_epochs=1", "ensemble.members=2", f"run_dir={folder}"]
    ).paths


def test_each_member_is_looked_into_and_the_first_is_drawn(pair):
    found = inspect_run(pair)
    assert len(found) == 2
    first, second = (each.layers[0].gradient for each in found)
    assert not (first == second).all()
    for name in ("filters", "activations", "gradients"):
        assert (pair.figures / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_images_are_of_validation_and_of_both_classes(pair, monkeypatch):
    seen = []

    def watched(network, batch):
        seen.append(batch)
        return inspect(network, batch)

    monkeypatch.setattr("medcnn.inspection.run.inspect", watched)
    manifest = run_manifest(pair)
    inspect_models(pair, manifest, cache_images(manifest, run_settings(pair).data))
    val = manifest.split("val")
    assert set(seen[0]["image_id"]) <= set(val["image_id"])
    assert set(seen[0]["label"].tolist()) == {0.0, 1.0}
    assert inspect(load_model(pair.members[1]), seen[1]).dead >= 0


def test_the_model_with_most_dead_channels_decides():
    def with_dead(dead):
        layers = [Layer("a", EMPTY, 0, 1, EMPTY, 0.0), Layer("b", EMPTY, dead, 10, EMPTY, 0.0)]
        return Inspection(tuple(layers), None)

    assert dead_share([with_dead(1), with_dead(6), with_dead(3)]) == 0.6


def test_the_diagnosis_of_an_ensemble_is_written(pair):
    assert read_json(pair.path / "diagnosis.json")["findings"]
