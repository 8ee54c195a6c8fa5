import json
from pathlib import Path

import pandas as pd
import pytest

from medcnn.cli import run
from medcnn.crossvalidation.running import join_if_complete
from medcnn.errors import ConfigError
from medcnn.run.directory import RunDir
from medcnn.search.nested import of_fold, search_nested
from medcnn.search.settings import SearchSettings
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import read


def test_each_fold_has_a_search_of_its_own():
    given = ["data.folds=3", "data.fold=all", "search=grid", "search.folder=x", "seed=1"]
    assert of_fold(given, 1, Path("s")) == [
        "data.folds=3",
        "search=grid",
        "seed=1",
        "data.fold=1",
        "search.folder='s/search_1'",
    ]


def test_data_with_a_test_split_is_refused_before_anything_is_trained(tmp_path):
    rows = [f"i{n},x.png,{n % 2},{('train', 'val', 'test')[n % 3]}" for n in range(12)]
    (tmp_path / "m.csv").write_text("\n".join(["image_id,path,label,split", *rows]) + "\n")
    given = ["search=random", "data=manifest", f"data.root={tmp_path / 'm.csv'}"]
    given += ["data.folds=3", "data.fold=all", f"search.folder={tmp_path / 's'}"]
    asked = read(SearchSettings, plain(compose("train", given)))
    with pytest.raises(ConfigError, match="test split of its own"):
        search_nested(given, asked, lambda *_: 1 / 0, lambda *_: 1 / 0)
    assert not (tmp_path / "s").exists()


def test_the_runs_of_the_outer_folds_are_not_joined_a_second_time(tmp_path):
    fold = RunDir(tmp_path).member(0)
    fold.path.mkdir(parents=True)
    fold.config.write_text("data: {fold: 0, folds: 1}")
    for path in (fold.results, fold.report):
        path.write_text("{}")
    assert join_if_complete(fold) is None


@pytest.mark.long
def test_the_held_out_folds_judge_what_the_inner_searches_chose(easy_data, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py"])
    overrides = [
        *easy_data,
        "trainer.max_epochs=1",
        "data.folds=2",
        "data.fold=all",
        "search=grid",
        "optimizer.lr=0.001,0.03",
        "optimizer.weight_decay=0.0",
        "model.dropout=0.0",
        f"search.folder={tmp_path}",
    ]
    assert run("train", ["-m", *overrides]) == 0
    chosen = json.loads((tmp_path / "nested.json").read_text())
    assert len(chosen) == 2
    for fold, best in enumerate(chosen):
        config = (tmp_path / "members" / str(fold) / "config.yaml").read_text()
        assert f"lr: {float(best['values']['optimizer.lr'])}" in config
        trials = pd.read_csv(tmp_path / f"search_{fold}" / "trials.csv")
        assert len(trials) == 2
    table = pd.read_csv(tmp_path / "predictions" / "test.csv")
    assert len(table) == 96 and table["image_id"].is_unique
    assert (tmp_path / "report.html").is_file()
    before = (tmp_path / "results.json").read_bytes()
    assert run("train", ["-m", *overrides]) == 0
    assert (
        json.loads((tmp_path / "results.json").read_text())["auroc"] == json.loads(before)["auroc"]
    )
