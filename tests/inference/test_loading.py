import shutil

import pandas as pd
import pytest
import torch

import medcnn
from medcnn.errors import WeightsError
from medcnn.inference.loading import load_model, load_weights, recipe
from medcnn.inference.settings import run_settings
from medcnn.run.directory import RunDir


@pytest.fixture(scope="module")
def run(made_run):
    return made_run()


@pytest.fixture
def copy(run, tmp_path):
    return RunDir(shutil.copytree(run.path, tmp_path / "copy"))


def keep_recipe(run):
    content = torch.load(run.best_checkpoint, weights_only=True)
    content["network"] = recipe(run_settings(run))
    torch.save(content, run.best_checkpoint)


def test_a_run_of_the_earlier_layout_answers_as_one_of_today(run, made_run, make_folder, tmp_path):
    # There calibrator and threshold stood in the checkpoint, and nowhere else.
    earlier = made_run("earlier", earlier=True)
    assert not earlier.judgement.is_file()
    assert load_model(earlier).judged == load_model(run).judged
    folder = make_folder(3)
    first, second = (
        medcnn.predict([f"run={each.path}", f"input={folder}", f"output={tmp_path / name}.csv"])
        for each, name in ((earlier, "a"), (run, "b"))
    )
    pd.testing.assert_frame_equal(first, second)


def test_a_run_that_was_not_judged_is_not_finished(copy):
    copy.judgement.unlink()
    with pytest.raises(WeightsError, match="not finished"):
        load_model(copy)
    keep_recipe(copy)
    model = load_weights(copy)
    with pytest.raises(WeightsError, match="not been judged"):
        model.threshold  # noqa: B018  a property that raises


def test_a_checkpoint_of_today_needs_its_judgement_beside_it(made_run, tmp_path):
    # What it holds of it is a copy for whoever reads the weights alone.
    earlier = made_run("earlier", earlier=True)
    copy = RunDir(shutil.copytree(earlier.path, tmp_path / "copy"))
    keep_recipe(copy)
    with pytest.raises(WeightsError, match="not finished"):
        load_model(copy)


def test_the_checkpoint_says_how_its_network_is_rebuilt(run, copy):
    keep_recipe(copy)
    text = copy.config.read_text().replace("- 16", "- 12")
    assert text != copy.config.read_text()
    copy.config.write_text(text)
    image = torch.rand(2, 1, 32, 32)
    assert torch.equal(load_model(copy)(image), load_model(run)(image))
