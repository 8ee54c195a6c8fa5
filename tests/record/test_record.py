"""A run that is read: each part typed, once, and only as the run left it."""

import json
import shutil

import numpy as np
import pytest

import medcnn
from medcnn.cli import run as command
from medcnn.errors import DataError, UserError
from medcnn.record.record import Record
from medcnn.run.directory import RunDir, write_json
from medcnn.run.hashes import hashes_of


@pytest.fixture
def copied(trained_run, tmp_path):
    return RunDir(shutil.copytree(trained_run.path, tmp_path / "run"))


def test_every_part_is_read_and_typed(trained_run):
    run = Record(trained_run)
    assert run.path == trained_run.path
    assert run.config["model"]["backbone"] == "tiny_resnet"
    assert len(run.manifest) == 96
    assert run.predictions("val")["p_abnormal"].between(0, 1).all()
    assert run.curves["epoch"].tolist() == [0]
    assert run.results.split == "test"
    low, high = run.results.sensitivity.ci
    assert low <= run.results.sensitivity.value <= high
    assert run.threshold.chosen_on == "val"
    assert run.journal.finished is not None
    assert run.environment.versions["numpy"] == np.__version__
    assert run.detector is None
    assert run.members == []
    assert repr(run).startswith("Record('/")


def test_nothing_is_read_twice(copied):
    run = Record.open(copied)
    parts = run.manifest, run.curves, run.predictions("test"), run.config
    shutil.rmtree(copied.path)
    assert all(
        one is two
        for one, two in zip(
            parts, (run.manifest, run.curves, run.predictions("test"), run.config), strict=True
        )
    )


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="not a run directory"):
        Record(tmp_path)


@pytest.mark.parametrize("part", ["predictions/train.csv", "audit.json"])
def test_a_part_that_the_run_has_not_is_named(copied, part):
    run = Record(copied)
    with pytest.raises(DataError, match="There is no"):
        _ = run.audit if part == "audit.json" else run.predictions("train")


READS = {
    "config.yaml": lambda run: run.config,
    "manifest.csv": lambda run: run.manifest,
    "metrics.csv": lambda run: run.curves,
    "predictions/val.csv": lambda run: run.predictions("val"),
    "predictions/test.csv": lambda run: run.predictions("test"),
}


@pytest.mark.parametrize("name", READS)
def test_what_was_changed_is_refused_by_name(copied, name):
    path = copied.path / name
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(DataError, match=rf"{name} is not the file that its run recorded"):
        READS[name](Record(copied))


def predicting(run, folder):
    image = sorted(Record(run).manifest.table["path"])[0]
    return "predict", [f"run={run.path}", f"input={image}", f"output={folder / 'o.csv'}"]


def evaluating(run, folder):
    return "evaluate", [f"run={run.path}", "tta=flips", f"output={folder / 'evaluation'}"]


def diagnosing(run, folder):
    return "diagnose", [f"run={run.path}", "figures=false"]


@pytest.mark.parametrize("flip", [True, False], ids=["flipped bit", "another run's"])
def test_another_checkpoint_of_the_same_architecture_is_refused(copied, tmp_path, capfd, flip):
    asked = predicting(copied, tmp_path)
    content = bytearray(copied.best_checkpoint.read_bytes())
    if flip:
        content[len(content) // 2] ^= 4
        copied.best_checkpoint.write_bytes(content)
    else:
        import torch

        other = torch.load(copied.best_checkpoint, weights_only=True)
        other["state_dict"]["network.linear.weight"] *= -1
        torch.save(other, copied.best_checkpoint)
    assert command(*asked) == 2
    said = capfd.readouterr().err
    assert "best.ckpt is not the file that its run recorded" in said
    assert "Traceback" not in said


DAMAGED = {
    "environment.json": evaluating,
    "manifest.csv": evaluating,
    "predictions/val.csv": diagnosing,
    "metrics.csv": diagnosing,
    "audit.json": diagnosing,
    "results.json": diagnosing,
}


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "earlier"])
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_ends_a_command_with_its_name(copied, tmp_path, capfd, name, recorded):
    if not recorded:
        facts = json.loads(copied.environment.read_text())
        facts.pop("hashes")
        facts.pop("data")
        write_json(copied.environment, facts)
    (copied.path / name).write_bytes(b'\x00\xff{"torn')
    assert command(*DAMAGED[name](copied, tmp_path)) == 2
    said = capfd.readouterr().err
    assert name in said
    assert "Traceback" not in said


def test_a_run_of_an_earlier_version_is_read_and_said(copied, capfd):
    facts = json.loads(copied.environment.read_text())
    assert facts.pop("hashes") == hashes_of(copied)
    write_json(copied.environment, facts)
    assert len(Record(copied).curves) == 1
    assert "recorded no hashes" in capfd.readouterr().err


def test_a_threshold_of_an_earlier_version_moved_by_hand_is_found_out(copied, seal):
    copied.judgement.unlink()
    seal(copied)
    assert Record(copied).threshold.chosen_on == "val"
    record = json.loads(copied.results.read_text())
    record["threshold"]["value"] -= 0.1
    write_json(copied.results, record)
    with pytest.raises(DataError, match="changed after it was frozen"):
        _ = Record(copied).threshold


def test_the_api_reads_what_training_returned(trained_run):
    run = medcnn.Run(trained_run)
    assert isinstance(run, Record)
    assert run.settings.model.backbone == "tiny_resnet"
    assert run.settings.trainer.max_epochs == 1
