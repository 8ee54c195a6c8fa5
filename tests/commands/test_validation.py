import json

import numpy as np
import pandas as pd
import pytest

import medcnn
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.settings import Safeguards
from medcnn.commands.settings import Evaluate
from medcnn.commands.validation import validation_predictions
from medcnn.errors import ConfigError
from medcnn.files.plain import read_json
from medcnn.predictions import read_predictions


def rounded(value):
    """Return a result to five digits: the file keeps nine of what training had in full."""
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.5g}"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return medcnn.train(
        [
            "experiment=xray_resnet",
            "data.source.n_images=90",
            "data.source.size=96",
            "data.source.difficulty=0.0",
            "data.image_size=32",
            "data.batch_size=16",
            "model=tiny_resnet",
            "model.widths=[8,16]",
            "trainer.max_epochs=2",
            "calibration=platt",
            "prior_shift=em",
            "alpha=0.2",
            "refer=20%",
            f"run_dir={tmp_path_factory.mktemp('runs') / 'a'}",
        ]
    ).paths


def test_training_reports_every_safeguard(run):
    results = read_json(run.results)
    fitted = Calibrator.from_json(results["calibration"]["calibrator"])
    assert fitted.name == "platt"
    for split in ("val", "test"):
        table = read_predictions(run.predictions(split))
        column = "p_before_shift" if "p_before_shift" in table else "p_abnormal"
        np.testing.assert_allclose(table[column], fitted.probability(table["logit"]), atol=1e-8)
    assert "p_before_shift" not in read_predictions(run.predictions("val"))
    assert results["prior_shift"]["rule"] == "em"
    assert results["conformal"]["alpha"] == 0.2
    assert results["uncertainty"]["referral"]["rule"] == "20%"
    assert results["out_of_distribution"]["flagged"] >= 0
    assert run.out_of_distribution.is_file()


def test_validation_comes_from_the_run_only_where_something_needs_it(run):
    assert validation_predictions([run], Evaluate()) is None
    table = validation_predictions([run], Evaluate(safeguards=Safeguards(alpha=0.1)))
    pd.testing.assert_frame_equal(table, read_predictions(run.predictions("val")))


def test_evaluate_gives_again_what_training_gave_and_other_sets_besides(run, tmp_path):
    trained = read_json(run.results)
    given = medcnn.evaluate(
        [f"run={run.path}", "prior_shift=em", "alpha=0.2", "refer=20%", f"output={tmp_path}"]
    )
    for name in ("conformal", "prior_shift", "confusion"):
        assert rounded(given[name]) == rounded(trained[name]), name
    ours, theirs = (each["uncertainty"]["referral"] for each in (given, trained))
    # The file keeps nine digits of what training had in full.
    assert ours.pop("cutoff") == pytest.approx(theirs.pop("cutoff"), rel=1e-3)
    assert ours == theirs
    cross = medcnn.evaluate(
        [f"run={run.path}", "alpha=0.3", "conformal=cross", f"output={tmp_path}"]
    )
    assert cross["conformal"]["method"] == "cross"
    assert "referral" not in cross["uncertainty"]


def test_predict_repeats_the_calibrator_and_the_sets_of_the_run(run, tmp_path):
    table = pd.read_csv(run.manifest).query("split == 'test'").head(2)
    saved = read_predictions(run.predictions("test")).set_index("image_id")
    column = "p_before_shift" if "p_before_shift" in saved else "p_abnormal"
    for image_id, path in zip(table["image_id"], table["path"], strict=True):
        found = medcnn.predict(
            [f"run={run.path}", f"input='{path}'", f"output={tmp_path / 'p.csv'}", "alpha=0.2"]
        ).iloc[0]
        assert float(found["p_abnormal"]) == pytest.approx(saved.loc[image_id, column], abs=2e-3)
        if abs(float(found["p_abnormal"]) - saved.loc[image_id, column]) < 1e-6:
            assert found["conformal_set"] == saved.loc[image_id, "conformal_set"]
        assert found["ood_score"] == pytest.approx(saved.loc[image_id, "ood_score"], rel=0.05)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("alpha=2", "alpha cannot be 2"),
        ("refer=most", "referral rule 'most'"),
        ("refer_by=mutual_information", "several predictions of each image"),
        ("prior_shift=yes_please", "prior_shift cannot be"),
        ("calibration=plat", "calibration cannot be 'plat'"),
        ("out_of_distribution=mahalanobi", "out_of_distribution cannot be"),
    ],
)
def test_impossible_options_stop_training_before_it_begins(override, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        medcnn.train([override, f"run_dir={tmp_path / 'never'}"])
    assert not (tmp_path / "never").exists()


def test_distance_needs_a_detector(tmp_path):
    with pytest.raises(ConfigError, match="refer_by=distance needs"):
        medcnn.train(["refer_by=distance", "out_of_distribution=null", f"run_dir={tmp_path}/x"])
