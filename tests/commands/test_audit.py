import json
import shutil

import cv2
import numpy as np
import pytest

from medcnn.commands.audit import run
from medcnn.errors import ConfigError
from medcnn.settings.composition import compose


@pytest.fixture
def released(tmp_path):
    """Return overrides for 30 images, one of which stands in train and again in test."""
    rng = np.random.default_rng(0)
    rows = ["image_id,path,label,split"]
    for row in range(30):
        coarse = rng.normal(128, 60, (10, 10)).clip(0, 255).astype(np.uint8)
        image = cv2.resize(coarse, (96, 96), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / f"{row}.png"), image)
        rows.append(f"i{row},{row}.png,{row % 2},{('train', 'val', 'test')[row // 10]}")
    shutil.copy(tmp_path / "2.png", tmp_path / "28.png")
    (tmp_path / "m.csv").write_text("\n".join(rows) + "\n")
    return ["data=manifest", f"data.root={tmp_path / 'm.csv'}", f"output={tmp_path / 'audit.json'}"]


def test_the_release_is_audited_and_what_dropping_copies_mends_is_said(released, tmp_path, capsys):
    found = run(compose("audit", [*released, "data.deduplicate=true"]))
    assert (found["duplicate_groups"], found["cross_split_duplicates"]) == (1, 1)
    assert "million pairs of different patients" in found["near_duplicates"]["false_positives"]
    assert (found["verdict"], found["after_deduplication"]["verdict"]) == ("stop", "pass")
    assert found["after_deduplication"]["images"] == 29
    assert json.loads((tmp_path / "audit.json").read_text()) == found
    said = capsys.readouterr().out
    assert "1 group of identical images stands across splits: i2 = i28." in said
    assert "Repeated images were dropped, because data.deduplicate is true: 1 of train." in said
    assert "not checked: shortcuts" in said


def test_without_deduplication_there_is_one_verdict(released):
    found = run(compose("audit", released))
    assert found["verdict"] == "stop"
    assert "after_deduplication" not in found


@pytest.mark.parametrize("value", ["audit=maybe", "val_fraction=x", "split_seed=-1", "folds=1"])
def test_values_out_of_range_are_refused(released, value):
    with pytest.raises(ConfigError, match=rf"data\.{value.partition('=')[0]} cannot be"):
        run(compose("audit", [*released, f"data.{value}"]))
