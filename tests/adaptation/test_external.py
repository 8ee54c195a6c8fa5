import shutil

import numpy as np
import pytest
import torch

from medcnn.adaptation.external import home_cases, predict_elsewhere
from medcnn.adaptation.images import read_elsewhere
from medcnn.data.settings import Data, Source
from medcnn.inference.loading import load_model
from medcnn.inference.settings import AskedViews, Inference
from medcnn.record.record import Record
from medcnn.run.directory import RunDir


@pytest.fixture(scope="module")
def run(trained_run):
    return RunDir(trained_run.path)


@pytest.fixture(scope="module")
def images(run, hospital):
    source = Source("medcnn.data.sources.folder.read", {"root": str(hospital)})
    return read_elsewhere([run], Data(name="folder", root=str(hospital), source=source))


def test_predictions_are_those_of_the_network_and_the_judgement_of_the_run(run, images):
    found = predict_elsewhere([run], images, Inference(), "external")
    model = load_model(run)
    rows = images.cache.rows_of(found.answers.table["image_id"].tolist())
    pixels = images.cache.take(rows).astype(np.float32)[:, None] / 255
    with torch.inference_mode():
        logit = model(torch.from_numpy(pixels)).double().numpy()
    table = found.answers.table
    np.testing.assert_allclose(table["logit"], logit, atol=1e-4)
    np.testing.assert_allclose(table["p_abnormal"], model.calibrator.probability(table["logit"]))
    assert found.threshold == Record(run).threshold
    assert set(table["split"]) == {"external"}
    assert found.answers.features.shape == (40, 16)
    assert len(found.validation) == 15


def test_home_is_what_training_left_and_no_further_look(run):
    home, notes = home_cases([run], Inference())
    assert (home.split, home.looked, notes) == ("test", False, [])
    assert len(home.table) == Record(run).results.n


def test_other_views_and_more_runs_predict_home_anew(run, tmp_path):
    copy = RunDir(tmp_path / "copy")
    shutil.copytree(run.path, copy.path)
    for runs, how in (([run, copy], Inference()), ([run], Inference(AskedViews(tta="flips")))):
        home, notes = home_cases(runs, how)
        assert (home.looked, notes) == (True, [])
        assert len(home.table) == Record(run).results.n


def test_a_home_that_cannot_be_told_is_said(run, tmp_path, seal):
    copy = RunDir(tmp_path / "copy")
    shutil.copytree(run.path, copy.path)
    (copy.path / "results.json").unlink()
    table = Record(run).manifest.table
    table.assign(path="/gone/" + table["image_id"]).to_csv(copy.manifest, index=False)
    seal(copy)
    home, notes = home_cases([copy], Inference())
    assert home is None
    assert notes[0].key == "home_unknown"
