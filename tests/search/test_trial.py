"""Trials as Hydra runs them: real trainings, judged on validation alone."""

import json
import re

import optuna
import pandas as pd
import pytest

import medcnn
from medcnn.cli import run
from medcnn.data.manifest import build_manifest
from medcnn.data.preparation import prepare
from medcnn.errors import ConfigError
from medcnn.search.settings import SearchSettings
from medcnn.search.trial import part_of_training, prepare_trial, without_test
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import read


def make_manifest():
    rows = [
        {"image_id": f"i{n}", "path": "x", "label": n % 3 == 0, "patient_id": f"p{n // 2}"}
        for n in range(200)
    ]
    table = pd.DataFrame(rows).astype({"label": int})
    table["label"] = table.groupby("patient_id")["label"].transform("max")
    table["split"] = ["test" if n % 100 >= 80 else "train" for n in range(200)]
    return build_manifest(table, source="made")


def test_no_test_image_reaches_a_trial():
    assert set(without_test(make_manifest()).table["split"]) == {"train"}


def test_a_part_of_the_training_is_whole_patients_of_both_classes():
    manifest = make_manifest()
    part = part_of_training(manifest, 0.25, seed=0, group="patient_id")
    full, kept = manifest.split("train"), part.split("train")
    assert len(part.split("test")) == len(manifest.split("test"))
    for name in set(kept["patient_id"]):
        assert (kept["patient_id"] == name).sum() == (full["patient_id"] == name).sum()
    share = kept["patient_id"].nunique() / full["patient_id"].nunique()
    assert share == pytest.approx(0.25, abs=0.02)
    assert kept["label"].mean() == pytest.approx(full["label"].mean(), abs=0.02)
    again = part_of_training(manifest, 0.25, seed=0, group="patient_id")
    pd.testing.assert_frame_equal(again.table, part.table)
    assert part_of_training(manifest, 1.0, seed=0, group="patient_id") is manifest


def test_a_trial_never_sees_what_the_training_of_the_best_will_test(easy_data, tmp_path):
    asked = [*easy_data, "search=random", f"search.folder={tmp_path}", "seed=7"]
    settings = read(SearchSettings, plain(compose("train", asked)))
    trial = prepare_trial(settings, settings.search).manifest.table
    training = prepare(settings.data, progress=False).manifest
    tested = training.split("test")
    assert len(tested) and not set(tested["patient_id"]) & set(trial["patient_id"])
    assert len(trial) == len(training) - len(tested)


@pytest.fixture(scope="module")
def folder(easy_data, tmp_path_factory):
    """Return the folder of a search of two rates, one of which explodes."""
    folder = tmp_path_factory.mktemp("search")
    overrides = [
        *easy_data,
        "trainer.max_epochs=2",
        "trainer.gradient_clip_val=0",
        "optimizer=sgd",
        "optimizer.lr=0.01,900.0",
        "optimizer.weight_decay=0.0",
        "model.dropout=0.0",
        "search=grid",
        f"search.folder={folder / 's'}",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", ["train.py"])
        assert run("train", ["-m", *overrides]) == 0
    return folder / "s"


def test_trials_train_and_are_judged_on_validation(folder):
    found = json.loads((folder / "search.json").read_text())
    assert found["states"] == {"complete": 1, "failed": 1}
    assert re.search(r"loss (rose from|is nan|is inf)", (folder / "search.html").read_text())
    assert found["best"]["values"] == {"optimizer.lr": "0.01"}
    trial = json.loads((folder / "trials" / str(found["best"]["trial"]) / "trial.json").read_text())
    curves = pd.read_csv(folder / "trials" / str(found["best"]["trial"]) / "metrics.csv")
    assert trial["score"] == found["best"]["score"] == curves["val_auroc"].max()
    assert not list(folder.rglob("test.csv")) and not list(folder.rglob("*.ckpt"))


def test_the_command_of_the_best_composes_to_one_training(folder):
    import shlex

    from medcnn.settings.composition import compose

    command = json.loads((folder / "search.json").read_text())["best"]["command"]
    python, launcher, *overrides = shlex.split(command)
    assert (python, launcher) == ("medcnn", "train")
    cfg = compose("train", overrides)
    assert cfg.optimizer.lr == 0.01 and "search" not in cfg


def test_a_search_within_one_training_is_refused(easy_data):
    with pytest.raises(ConfigError, match="many trainings"):
        medcnn.train([*easy_data, "search=random"])


def test_a_trial_that_was_stopped_is_so_still_when_it_is_resumed(tmp_path):
    from medcnn.search.trial_fitting import Progress

    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db")
    study = optuna.create_study(storage=storage)
    study.ask()
    stopped, resumed = (Progress(study, storage, 0, "val_auroc") for _ in range(2))
    stopped.pruned = True
    resumed.load_state_dict(stopped.state_dict())
    assert resumed.pruned


FAULTS = (
    (["-m", "search=rondom"], "no search named"),
    (["-m", "search=random", "search.score=test_auroc"], "search.score cannot be"),
    (["-m", "search=grid", "optimizer.lr=interval(1"], "not an override"),
)


def test_faults_are_said_without_torch(in_new_process, tmp_path):
    answers = in_new_process(*(["train", *arguments] for arguments, _ in FAULTS), cwd=tmp_path)
    for answer, (_, text) in zip(answers, FAULTS, strict=True):
        assert answer.code == 2 and text in answer.said
        assert "Traceback" not in answer.said
    assert "torch" not in answers[-1].modules
