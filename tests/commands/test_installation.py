"""What the doctor says of an installation; the healthy one is walked in test_doctor.py."""

import importlib.util
import os
import shutil
from types import SimpleNamespace

import pytest

from medcnn.commands import installation
from medcnn.commands.installation import LEAST_FREE_GIB, examine_installation, versions
from medcnn.io.conformance.check import Row


def row(case, passed):
    return Row("transfer syntax", case, "PS3.5 A.4", "0", "0", passed)


@pytest.fixture
def without(monkeypatch):
    """Return a function that hides a package from those who look for it."""

    def hide(name):
        find = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda asked: None if asked == name else find(asked)
        )

    return hide


@pytest.fixture(autouse=True)
def readings(monkeypatch):
    """Stand in for the 98 cases that are read, which have their own tests; return them."""
    rows = [row("rle", True)]
    monkeypatch.setattr(installation, "check_dicom", lambda: rows)
    return rows


def test_versions_name_what_is_installed_and_what_is_not(without, monkeypatch):
    said = versions()
    assert said[0].startswith("Python 3.")
    assert any(line.startswith("numpy ") for line in said)

    def nothing(name):
        raise installation.PackageNotFoundError(name)

    monkeypatch.setattr(installation, "version", nothing)
    without("torch")
    said = versions()
    assert "torch is missing" in said
    assert "numpy from a source folder" in said


def test_a_missing_package_is_an_error(tmp_path, without):
    without("cv2")
    found = [each for each in examine_installation(tmp_path) if each.kind == "missing_package"]
    assert [(each.severity, each.problem) for each in found] == [("error", "cv2 is missing")]


def test_what_cannot_be_read_and_what_is_read_wrongly(tmp_path, readings):
    readings += [row("jpeg-ls", None), row("monochrome1", False)]
    found = {each.kind: each for each in examine_installation(tmp_path)}
    assert "files in jpeg-ls cannot be read" in found["missing_decoder"].problem
    assert found["wrong_reading"].problem == "1 kinds of DICOM file are read wrongly: monochrome1"


def test_a_cache_that_is_full_or_locked(tmp_path, monkeypatch):
    full = SimpleNamespace(free=(LEAST_FREE_GIB - 1) * 2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda *_: full)
    not_yet_there = tmp_path / "deep" / "cache"
    found = [each for each in examine_installation(not_yet_there) if each.kind == "cache"]
    assert [each.problem for each in found] == [
        "the disk of the cache has 4.0 GiB left, less than 5"
    ]
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = [each for each in examine_installation(not_yet_there) if each.kind == "cache"]
    assert [(each.severity, each.problem) for each in found] == [
        ("error", "the cache folder cannot be written")
    ]
