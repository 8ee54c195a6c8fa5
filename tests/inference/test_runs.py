"""Which runs may be joined: decided by their manifests and settings, before a network is loaded."""

import pandas as pd
import pytest
import yaml

from medcnn.errors import ConfigError, DataError, WeightsError
from medcnn.inference.runs import predict_split
from medcnn.inference.settings import Inference
from medcnn.run.directory import RunDir
from medcnn.settings.composition import compose, plain


def write_run(folder, rows, root="/data"):
    """Write what says whom a run was trained on: rows of image, patient and split."""
    run = RunDir(folder)
    run.path.mkdir()
    table = pd.DataFrame(rows, columns=["image_id", "patient_id", "split"])
    table = table.assign(path="/images/" + table["image_id"], label=[0, 1] * (len(rows) // 2))
    table.to_csv(run.manifest, index=False)
    asked = plain(compose("train", ["data=folder", f"data.root={root}"]))
    run.config.write_text(yaml.safe_dump(asked))
    return run


FIRST = [("a", "p0", "train"), ("b", "p1", "val"), ("c", "p2", "test"), ("d", "p3", "test")]


def test_a_run_trained_on_another_image_of_a_test_patient_is_refused(tmp_path):
    first = write_run(tmp_path / "first", FIRST)
    other = [("e", "p2", "train"), ("b", "p1", "val"), ("a", "p0", "test"), ("d", "p3", "test")]
    second = write_run(tmp_path / "second", other)
    with pytest.raises(DataError, match="was trained on test patients") as refused:
        predict_split([first, second], "test", Inference())
    assert refused.value.found == "1 of 2 test images"


def test_a_run_trained_on_a_test_image_of_other_data_is_refused_and_a_like_name_is_not(tmp_path):
    first = write_run(tmp_path / "first", FIRST)
    copied = [("c", "q9", "train"), ("x", "q1", "val"), ("y", "q2", "test"), ("z", "q3", "test")]
    with pytest.raises(DataError, match="was trained on test patients"):
        predict_split([first, write_run(tmp_path / "copied", copied, "/x")], "test", Inference())
    # p2 of another hospital is another person; what is missing then is the network.
    namesake = [("v", "p2", "train"), ("x", "p1", "val"), ("y", "p0", "test"), ("z", "p3", "test")]
    with pytest.raises(WeightsError, match="is not finished"):
        predict_split([first, write_run(tmp_path / "like", namesake, "/x")], "test", Inference())


def test_folds_do_not_predict_together_what_each_of_them_was_trained_on(tmp_path):
    whole = write_run(tmp_path / "cv", [(*name[:2], "test") for name in FIRST])
    whole.folds.write_text("image_id,fold\n")
    whole.member(0).path.parent.mkdir()
    for fold in (0, 1):
        held = [
            (name, f"p{at}", ["train", "test"][at % 2 == fold]) for at, name in enumerate("abcd")
        ]
        write_run(whole.member(fold).path, held)
    with pytest.raises(DataError, match=r"The folds of .* were trained on these images") as refused:
        predict_split([whole], "test", Inference())
    assert refused.value.found == "4 of 4 images"
    first = write_run(tmp_path / "first", FIRST)
    with pytest.raises(DataError, match="was trained on test patients"):
        predict_split([first, whole], "test", Inference())


def test_a_split_that_a_run_lacks_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no split 'holdout'"):
        predict_split([write_run(tmp_path / "run", FIRST)], "holdout", Inference())
