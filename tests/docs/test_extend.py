"""The data source that the page on parts of one's own prints is found, trusted and read."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from medcnn.cli import run
from medcnn.data.preparation import read_data
from medcnn.data.settings import Data
from medcnn.errors import ConfigError
from medcnn.settings.reading import read

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extend.md").read_text(encoding="utf-8")


@pytest.fixture
def composed(tmp_path, monkeypatch, capsys):
    """Return the group data as the page's command composes it, its package installed."""
    (code,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    (text,) = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)
    (tmp_path / "my_hospital.py").write_text(code)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "my_hospital.yaml").write_text(text)
    (tmp_path / "scans").mkdir()
    for place, patient, number, finding in (
        ("icu", "p1", 1, "normal"),
        ("icu", "p2", 1, "edema"),
        ("er", "p3", 1, "mass"),
    ):
        name = tmp_path / "scans" / f"{place}_{patient}_{number}_{finding}.png"
        cv2.imwrite(str(name), np.zeros((8, 8), np.uint8))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_hospital", raising=False)
    given = ["data=my_hospital", f"data.root={tmp_path / 'scans'}", "data.source.ward=icu"]
    assert run("train", ["--config-dir", str(tmp_path), *given, "--cfg", "job", "--resolve"]) == 0
    yield read(Data, yaml.safe_load(capsys.readouterr().out)["data"])
    sys.modules.pop("my_hospital", None)


def test_it_is_read_once_it_is_trusted(composed, monkeypatch):
    monkeypatch.setenv("MEDCNN_TRUSTED_PACKAGES", "my_hospital")
    manifest = read_data(composed)
    assert manifest.source == "my_hospital"
    assert manifest.table["label"].tolist() == [0, 1]
    assert manifest.table["ward"].tolist() == ["icu", "icu"]
    assert manifest.table["patient_id"].tolist() == ["p1", "p2"]


def test_it_is_refused_before(composed, monkeypatch):
    monkeypatch.delenv("MEDCNN_TRUSTED_PACKAGES", raising=False)
    with pytest.raises(ConfigError, match=r"may not call 'my_hospital\.read'"):
        read_data(composed)
