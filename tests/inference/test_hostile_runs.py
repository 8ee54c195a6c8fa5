"""Runs from strangers: whatever is in them is refused in words, and nothing of it is executed."""

import os
import pickle
import shutil
import zipfile

import numpy as np
import pytest
import torch
import yaml

import medcnn
from medcnn.cli import run as command
from medcnn.errors import ConfigError, DataError, UserError, WeightsError
from medcnn.run.directory import RunDir
from medcnn.run.settings import read_settings, shipped_targets


@pytest.fixture(scope="module")
def sound(made_run):
    return made_run("sound")


@pytest.fixture(scope="module")
def pair(made_run):
    return made_run("pair", members=2)


@pytest.fixture(scope="module")
def earlier(made_run):
    return made_run("earlier", earlier=True)


@pytest.fixture
def copied(sound, tmp_path):
    return RunDir(shutil.copytree(sound.path, tmp_path / "run"))


@pytest.fixture(scope="module")
def image(make_folder):
    return make_folder(1) / "ward0" / "0000.jpg"


class Bomb:
    """What a malicious pickle does: it calls something when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def predict(run, image, tmp_path):
    return medcnn.predict([f"run={run.path}", f"input={image}", f"output={tmp_path / 'o.csv'}"])


@pytest.mark.parametrize("form", ["pickle", "torch", "within"])
def test_a_malicious_checkpoint_is_not_unpickled(copied, image, tmp_path, form):
    mark = tmp_path / "executed"
    path = copied.best_checkpoint
    if form == "pickle":
        path.write_bytes(pickle.dumps(Bomb(mark)))
    elif form == "torch":
        torch.save(Bomb(mark), path)
    else:
        torch.save(torch.load(path, weights_only=True) | {"more": Bomb(mark)}, path)
    with pytest.raises(WeightsError, match="does not unpickle code"):
        predict(copied, image, tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["state_dict"].pop("pixel_mean"),
        lambda content: content["state_dict"].pop("network.linear.weight"),
        lambda content: content["state_dict"].update({"pixel_std": torch.tensor(0.0)}),
        lambda content: content["state_dict"].update({"network.linear.weight": torch.ones(3, 3)}),
        lambda content: content.update(network="resnet18"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(copied, image, tmp_path, change):
    _change(copied, change)
    with pytest.raises(WeightsError, match="does not fit the configuration"):
        predict(copied, image, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(operating_point={"value": float("nan"), "rule": "youden"}),
        lambda content: content.update(operating_point={"surprise": 1}),
        lambda content: content.update(operating_point=["youden"]),
        lambda content: content.update(calibrator="platt"),
    ],
)
def test_a_judgement_within_a_checkpoint_that_is_none_is_refused(earlier, image, tmp_path, change):
    run = RunDir(shutil.copytree(earlier.path, tmp_path / "run"))
    _change(run, change)
    with pytest.raises(WeightsError, match="does not fit the configuration"):
        predict(run, image, tmp_path)


def test_a_checkpoint_that_names_foreign_code_is_refused(copied, image, tmp_path):
    model = yaml.safe_load(copied.config.read_text())["model"] | {"_target_": "os.system"}
    _change(copied, lambda content: content.update(network={"model": model, "stage": None}))
    with pytest.raises(ConfigError, match=r"os\.system"):
        predict(copied, image, tmp_path)


def _change(run, change):
    content = torch.load(run.best_checkpoint, weights_only=True)
    change(content)
    torch.save(content, run.best_checkpoint)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04torn", b"\x80\x02}q\x00", b"no checkpoint at all" * 50]
)
def test_a_file_that_is_no_checkpoint_is_refused(copied, image, tmp_path, content):
    copied.best_checkpoint.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read"):
        predict(copied, image, tmp_path)


@pytest.mark.parametrize(
    "target",
    ["os.system", "builtins.eval", "medcnn.run.journal.os.system", "medcnn.cli.main", "torch.load"],
)
@pytest.mark.parametrize("group", ["model", "loss", "data"])
def test_a_target_that_medcnn_does_not_ship_is_refused(copied, image, tmp_path, target, group):
    settings = yaml.safe_load(copied.config.read_text())
    settings.setdefault(group, {})["more"] = [{"_target_": target, "command": "true"}]
    copied.config.write_text(yaml.safe_dump(settings))
    with pytest.raises(ConfigError, match=rf"does not ship(.|\n)*{target}"):
        predict(copied, image, tmp_path)


def test_the_targets_that_are_shipped_are_all_allowed():
    assert "medcnn.models.build_classifier" in shipped_targets()
    assert "medcnn.losses.Objective" in shipped_targets()
    assert all(
        name.startswith(("medcnn.", "pytorch_lightning.loggers.")) for name in shipped_targets()
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "YAML as training writes it"),
        ("- 1\n- 2\n", "keys and values"),
        ("just text", "not a configuration"),
        ("data: {image_size: 32}\n", "model.backbone"),
        ("a: &a [1, 1]\nb: [*a, *a, *a]\n", "a YAML alias"),
        ("!!python/object/apply:os.mkdir [executed]\n", "YAML as training writes it"),
        ("x" * (2**20 + 1), "1,048,576 bytes"),
        ("\udce4", "YAML as training writes it"),
    ],
)
def test_a_configuration_that_is_none_is_refused(copied, text, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    copied.config.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=message):
        read_settings(copied)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("size", [0, -5, 10**9, "32", 32.5, True, None])
def test_an_impossible_image_size_is_refused(copied, size):
    settings = yaml.safe_load(copied.config.read_text())
    settings["data"]["image_size"] = size
    copied.config.write_text(yaml.safe_dump(settings))
    with pytest.raises(ConfigError, match=r"image_size"):
        read_settings(copied)


def test_an_interpolation_is_not_resolved(copied, monkeypatch):
    monkeypatch.setenv("SECRET", "revealed")
    copied.config.write_text(copied.config.read_text() + "note: ${oc.env:SECRET}\n")
    assert read_settings(copied)["note"] == "${oc.env:SECRET}"


@pytest.mark.parametrize(
    "content",
    [
        "nonsense",
        "[]",
        "{}",
        '"text"',
        "[" * 100_000,
        '{"threshold": {"value": 7, "rule": "youden"}}',
        '{"threshold": {"value": "high", "rule": "youden"}}',
        '{"threshold": {"value": 0.5, "rule": "youden"}, "ways": 3}',
        '{"threshold": {"value": 0.5, "rule": "youden"}, "ways": {}, "combination": "soft"}',
    ],
)
def test_a_judgement_that_is_nonsense_is_refused(pair, image, tmp_path, content):
    run = RunDir(shutil.copytree(pair.path, tmp_path / "run"))
    run.judgement.write_text(content)
    with pytest.raises(UserError, match=r"judgement\.json|combination of members"):
        predict(run, image, tmp_path)


def test_a_judgement_of_another_ensemble_is_refused(pair, image, tmp_path):
    from dataclasses import asdict

    from medcnn.calibration.calibrator import Calibrator
    from medcnn.calibration.combination import Combination
    from medcnn.calibration.judgement import Judgement
    from medcnn.calibration.passes import Passes
    from medcnn.metrics.thresholds import Threshold

    run = RunDir(shutil.copytree(pair.path, tmp_path / "run"))
    three = Judgement(
        Passes(),
        Combination("soft"),
        (Combination("soft"),) * 3,
        Calibrator(),
        Threshold(0.5, "f1"),
    )
    three.save(run.judgement)
    assert asdict(Judgement.load(run.judgement)) == asdict(three)
    with pytest.raises(DataError, match="do not fit one another"):
        predict(run, image, tmp_path)


def _arrays(**changes):
    arrays = {
        "score": np.array("mahalanobis"),
        "threshold": np.array(1.0),
        "limit": np.array(3.0),
        "quantile": np.array(0.95),
        "features.mean": np.zeros((2, 16), np.float32),
        "features.whitening": np.eye(16, dtype=np.float32),
        "features.normalised": np.ones((20, 16), np.float32) / 4,
        "features.neighbour": np.array(10),
        "inputs.template": np.zeros((32, 32)),
        "inputs.middle": np.zeros(8),
        "inputs.scale": np.ones(8),
        "inputs.views": np.array([], dtype=np.str_),
    }
    return arrays | changes


def test_a_detector_that_fits_is_used(copied, image, tmp_path):
    np.savez(copied.out_of_distribution, **_arrays())
    table = predict(copied, image, tmp_path)
    assert table["out_of_distribution"].notna().all()


@pytest.mark.parametrize(
    "changes",
    [
        {"score": np.array("surprise")},
        {"threshold": np.array("high")},
        {"threshold": np.array(np.nan)},
        {"features.mean": np.zeros((2, 7), np.float32)},
        {"features.whitening": np.full((16, 16), np.inf)},
        {"inputs.template": np.zeros((2, 2))},
        {"inputs.scale": np.ones(3)},
        {"features.normalised": np.array([Bomb("executed")], dtype=object)},
    ],
)
def test_a_detector_that_does_not_fit_is_refused(copied, image, tmp_path, changes, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(copied.out_of_distribution, **_arrays(**changes))
    with pytest.raises(
        UserError, match=r"not a readable|fit one another|do not fit|score of foreign"
    ):
        predict(copied, image, tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"\x93NUMPY\x01\x00\x10\x00nonsense"])
def test_a_detector_that_is_no_archive_is_refused(copied, image, tmp_path, content):
    copied.out_of_distribution.write_bytes(content)
    with pytest.raises(DataError, match=r"out_of_distribution\.npz is not a readable"):
        predict(copied, image, tmp_path)


def test_an_archive_that_unfolds_to_gigabytes_is_refused(copied, image, tmp_path):
    with (
        zipfile.ZipFile(
            copied.out_of_distribution, "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as archive,
        archive.open("score.npy", "w", force_zip64=True) as stream,
    ):
        for _ in range(65):
            stream.write(bytes(2**24))
    with pytest.raises(DataError, match="bytes"):
        predict(copied, image, tmp_path)


def test_the_command_ends_with_exit_code_2_and_words(copied, image, tmp_path, capfd):
    copied.best_checkpoint.write_bytes(pickle.dumps(Bomb(tmp_path / "executed")))
    arguments = [f"run={copied.path}", f"input={image}", f"output={tmp_path / 'o.csv'}"]
    assert command("predict", arguments) == 2
    text = capfd.readouterr().err
    assert "does not unpickle code" in text
    assert "Traceback" not in text
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("broken", ["config", "val"])
def test_nonsense_in_other_files_of_the_run_is_refused_too(copied, image, tmp_path, broken):
    path = copied.config if broken == "config" else copied.predictions("val")
    path.write_bytes(b"\x00\xff\xfe nonsense")
    with pytest.raises(UserError, match=r"predictions|configuration|CSV"):
        predict(copied, image, tmp_path)
