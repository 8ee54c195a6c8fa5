"""Trials side by side in processes of this machine."""

import pandas as pd
import pytest

from medcnn.cli import run
from medcnn.search import launching as module
from medcnn.search.launching import launching
from medcnn.search.settings import SearchSettings
from medcnn.search.space import read_space
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import read


def settings(*overrides):
    return read(SearchSettings, plain(compose("train", ["search=random", *overrides])))


def launch(jobs, number):
    return list(jobs)


@pytest.mark.parametrize(("jobs", "expected"), [("auto", 1), ("4", 4)])
def test_another_launcher_is_given_what_is_asked_for(jobs, expected):
    assert launching(settings(f"search.jobs={jobs}"), [], launch, here=False) == (expected, launch)


def test_what_may_be_work_for_all_cores_is_not_put_side_by_side(monkeypatch):
    asked = settings("model=tiny_resnet", "trainer.accelerator=cpu")
    space, _ = read_space({"model": "tiny_resnet,resnet18"}, [])
    monkeypatch.setattr(module, "prepare_trial", lambda *_: None)
    assert launching(asked, space, launch, here=True)[0] == 1


@pytest.mark.filterwarnings("ignore:`fork` start method")
def test_trials_of_a_small_network_take_a_core_each(monkeypatch, easy_data, tmp_path, capfd):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    # A clean start, which members and folds side by side are given, would import for seconds.
    monkeypatch.setattr("loky.backend.context._DEFAULT_START_METHOD", "fork")
    fixed = [*easy_data, "search=random", f"search.folder={tmp_path}", "trainer.max_epochs=1"]
    asked = settings(*fixed)
    space, _ = read_space({"model.dropout": "interval(0.1,0.2)"}, [])
    jobs, run = launching(asked, space, launch, here=True)
    assert jobs == 2
    # No study knows these trials, which is told of each by name.
    given = [[*fixed, f"search.trial={n}", f"run_dir={tmp_path / str(n)}"] for n in range(2)]
    returned = run(given, 0)
    assert len(returned) == 2 and all(isinstance(each, Exception) for each in returned)
    said = capfd.readouterr()
    assert "trial 1" in said.err and "trial 2" in said.err


@pytest.mark.long
@pytest.mark.parametrize("method", ["random", "grid"])
def test_trials_side_by_side_are_those_one_after_another(method, easy_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = [*easy_data, "trainer.max_epochs=1", f"search={method}", "search.trials=3"]
    given += ["search.points=3", "search.pruner=none", "optimizer.weight_decay=0.01"]
    given += ["model.dropout=0.1", "optimizer.lr=tag(log,interval(1e-3,1e-1))"]
    tables = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        assert run("train", ["-m", *given, f"parallel={count}", f"search.folder={folder}"]) == 0
        curves = [pd.read_csv(folder / "trials" / str(n) / "metrics.csv") for n in range(3)]
        tables.append([pd.read_csv(folder / "trials.csv"), *curves])
    for one, other in zip(*tables, strict=True):
        one, other = (table.drop(columns="seconds") for table in (one, other))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
