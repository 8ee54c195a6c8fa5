import json
import threading

import pytest
import torch
from omegaconf import OmegaConf

from medcnn.calibration.calibrator import Calibrator
from medcnn.errors import ConfigError, WeightsError
from medcnn.evaluation.explained import Explanations
from medcnn.explanations.settings import Explain
from medcnn.explanations.study import spread, study
from medcnn.inference.loading import calibrator_state
from medcnn.inference.predictor import CPU
from medcnn.models import build_classifier
from medcnn.run.directory import RunDir, write_json, write_text

MODEL = {"backbone": "tiny_resnet", "widths": [8, 16, 16], "image_size": 32, "weights": "none"}


@pytest.fixture
def run(films, tmp_path):
    """A run as training leaves it, of a network that has learnt nothing."""
    directory = RunDir(tmp_path / "run")
    settings = {
        "model": {"_target_": "medcnn.models.build_classifier", **MODEL},
        "transfer": {"stage": None},
        "data": {"image_size": 32, "cache_dir": str(tmp_path / "cache"), "exact": False},
    }
    write_text(directory.config, OmegaConf.to_yaml(OmegaConf.create(settings)))
    films.with_table(films.table.drop(columns="finding")).write(directory.manifest)
    torch.manual_seed(0)
    state = build_classifier(**MODEL).state_dict()
    checkpoint = {
        "state_dict": {f"network.{key}": value for key, value in state.items()}
        | {"pixel_mean": torch.tensor(0.4), "pixel_std": torch.tensor(0.2)},
        "calibrator": calibrator_state(Calibrator("temperature", (1.5,))),
        "operating_point": {"value": 0.5, "rule": "youden", "chosen_on": "val"},
    }
    directory.best_checkpoint.parent.mkdir()
    torch.save(checkpoint, directory.best_checkpoint)
    write_json(directory.results, {"threshold": {"value": 0.5, "rule": "youden"}})
    return directory


def test_a_study_measures_every_method_and_draws_some_images(run):
    told = []
    options = Explain(images=3, sanity=2, marker=2, shown=2, steps=2)
    found, pictures = study(run, options, told.append, CPU)
    written = json.dumps(found.to_json(), allow_nan=False)
    assert Explanations.from_json(json.loads(written)) == found
    names = [entry.method for entry in found.methods]
    assert names == [
        *("grad_cam", "grad_cam_plus_plus", "layer_cam", "integrated_gradients", "occlusion"),
        "random",
    ]
    for entry in found.methods:
        for measure in (entry.pointing_game, entry.mass_in_lesion, entry.deletion, entry.insertion):
            assert 0 <= measure.value <= 1 and measure.method, entry.method
    assert found.n == found.with_mask == 3 and found.backbone == "tiny_resnet"
    assert found.marker.removal.n == found.marker.insertion.n == 2
    assert set(found.marker.heat.methods) == set(names) - {"random"}
    assert found.sanity.n == 2
    assert [image.image_id for image in found.images] == [p.image_id for p in pictures]
    assert found.images[0].p_abnormal >= found.images[1].p_abnormal
    assert set(pictures[0].heat) == set(names) - {"random"}
    assert any("occlusion" in line for line in told)


def test_the_same_seed_gives_the_same_numbers(run):
    options = Explain(method=("grad_cam",), images=2, sanity=2, marker=1, shown=1, steps=2)
    first, second = (study(run, options, lambda _line: None, CPU)[0] for _ in range(2))
    assert first == second


def test_the_tests_that_are_not_asked_for_are_left_out(run):
    options = Explain(method=("layer_cam",), images=2, sanity=0, marker=0, shown=0, steps=2)
    found, pictures = study(run, options, lambda _line: None, CPU)
    assert found.sanity is None and found.marker is None
    assert found.images == () and pictures == []


def test_an_unfinished_run_is_refused(run):
    run.best_checkpoint.unlink()
    with pytest.raises(WeightsError, match="not finished"):
        study(run, Explain(), lambda _line: None, CPU)


def test_no_progress_bar_runs_on_after_a_failure(run):
    before = {*threading.enumerate()}
    options = Explain(method=("attention_rollout",), images=2)
    # The error is held, and with it every frame that it came through.
    with pytest.raises(ConfigError, match="no attention") as held:
        study(run, options, lambda _line: None, CPU)
    for thread in {*threading.enumerate()} - before:
        thread.join(timeout=10)
        assert not thread.is_alive() and held


def test_images_are_shown_from_the_surest_to_the_least_sure():
    import numpy as np

    p = np.array([0.1, 0.9, 0.5, 0.7, 0.3])
    assert spread(p, 3) == [1, 2, 0]
    assert spread(p, 9) == [1, 3, 2, 4, 0]
    assert spread(p, 0) == []
