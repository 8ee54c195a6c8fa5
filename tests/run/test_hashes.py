"""A file of a run is the one that the run recorded, or it is refused."""

import shutil

import pytest

from medcnn.errors import DataError
from medcnn.files.plain import read_json
from medcnn.run import hashes
from medcnn.run.directory import RunDir, write_json
from medcnn.run.hashes import checked, hashes_of, sha256_of
from medcnn.run.journal import Journal

NAMES = ("config.yaml", "checkpoints/best.ckpt", "manifest.csv", "predictions/val.csv")


@pytest.fixture
def run(tmp_path):
    directory = RunDir(tmp_path / "run")
    for name in NAMES:
        path = directory.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 50)
    Journal(directory, seed=0).finish()
    return directory


def test_the_hash_is_that_of_coreutils(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    # FIPS 180-2, B.1
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.write_bytes(b"abd")
    assert sha256_of(path).startswith("a52d159f")


def test_a_finished_run_has_hashes_of_what_is_read_later(run):
    assert sorted(read_json(run.environment)["hashes"]) == sorted(NAMES)
    assert all(checked(run, run.path / name).is_file() for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_one_flipped_bit_is_refused_by_name(run, name):
    path = run.path / name
    content = bytearray(path.read_bytes())
    content[17] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} is not the file that its run recorded"):
        checked(run, path)


def test_a_file_that_is_gone_or_was_put_in_is_refused(run):
    run.manifest.unlink()
    with pytest.raises(DataError, match=r"manifest\.csv(.|\n)*found: no such file"):
        checked(run, run.manifest)
    run.out_of_distribution.write_bytes(b"put in")
    with pytest.raises(DataError, match="training left none"):
        checked(run, run.out_of_distribution)
    assert checked(run, run.judgement) == run.judgement  # which is not there, and was not


def test_members_are_held_to_the_journal_of_their_ensemble(tmp_path):
    whole = RunDir(tmp_path / "whole")
    for number in range(2):
        member = whole.member(number)
        member.best_checkpoint.parent.mkdir(parents=True)
        member.config.write_text("seed: 0\n")
        member.best_checkpoint.write_bytes(bytes([number]) * 9)
    Journal(whole, seed=0).finish()
    assert "members/1/checkpoints/best.ckpt" in hashes_of(whole)
    checked(whole.member(1), whole.member(1).best_checkpoint)
    shutil.copy(whole.member(0).best_checkpoint, whole.member(1).best_checkpoint)
    with pytest.raises(DataError, match=r"members.1.checkpoints.best\.ckpt is not the file"):
        checked(whole.member(1), whole.member(1).best_checkpoint)


def test_nothing_is_held_against_a_run_that_goes_on(run):
    resumed = Journal(run, seed=0)
    resumed.save()
    run.manifest.write_text("another")
    assert checked(run, run.manifest) == run.manifest
    resumed.finish()
    assert checked(run, run.manifest) == run.manifest


@pytest.fixture
def told(monkeypatch):
    said = []
    monkeypatch.setattr(hashes, "warn", said.append)
    hashes._tell.cache_clear()
    return said


def test_an_earlier_run_is_held_to_the_hashes_that_it_has(run, told):
    facts = read_json(run.environment)
    del facts["hashes"]
    facts["checkpoint_sha256"] = sha256_of(run.best_checkpoint)
    facts["data"] = {"manifest_sha256": sha256_of(run.manifest)}
    write_json(run.environment, facts)
    checked(run, run.best_checkpoint)
    checked(run, run.manifest)
    assert not told
    checked(run, run.config)
    checked(run, run.predictions("val"))
    assert len(told) == 1
    assert "recorded no hashes" in told[0]
    run.best_checkpoint.write_bytes(b"of another run")
    with pytest.raises(DataError, match=r"best\.ckpt is not the file"):
        checked(run, run.best_checkpoint)


def test_a_run_without_a_journal_is_told_once(run, told):
    run.environment.unlink()
    for name in NAMES:
        checked(run, run.path / name)
    assert len(told) == 1


def test_a_damaged_journal_is_named(run):
    run.environment.write_text('{"hashes": [1]}')
    with pytest.raises(DataError, match=r"environment\.json(.|\n)*hashes cannot be read: \["):
        checked(run, run.manifest)
