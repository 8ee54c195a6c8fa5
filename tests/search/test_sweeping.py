import itertools

import pandas as pd
import pytest

from medcnn.errors import ConfigError
from medcnn.search import sweeping
from medcnn.search.settings import SearchSettings
from medcnn.search.study import Worker, open_storage, open_study
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import read


def values(launched, name="optimizer.lr"):
    return [dict(text.partition("=")[::2] for text in given)[name] for given in launched]


def test_a_random_search_runs_its_trials_and_finds_the_best(run_search, capfd):
    found = run_search("random", "search.trials=8")
    said = capfd.readouterr().out
    assert "trial 1 of 8, in trials/0: " in said and "trial 8 of 8, in trials/7: " in said
    assert f"on validation, trial {found['best']['trial'] + 1}\n" in said
    assert found["trials"] == 8 and found["states"] == {"complete": 8}
    table = pd.read_csv(run_search.folder / "trials.csv")
    assert found["best"]["score"] == pytest.approx(table["score"].min())
    assert max(found["importance"], key=found["importance"].get) == "optimizer.lr"
    given = run_search.launched[0]
    assert "search.trial=0" in given and "search=random" in given
    assert any(text.startswith("run_dir=") and "trials/0" in text for text in given)


def test_as_many_trials_at_once_as_are_asked_for_and_the_same_ones(run_search, tmp_path):
    found = run_search("random", "search.trials=7", "search.jobs=3")
    assert run_search.batches == [3, 3, 1]
    at_once = values(run_search.launched)
    again = run_search("random", "search.trials=7", folder=tmp_path / "single")
    assert run_search.batches == [1] * 7
    assert values(run_search.launched) == at_once
    assert again["best"]["score"] == found["best"]["score"]


def test_a_grid_is_divided_without_gaps(run_search):
    found = run_search("grid", "search.points=3", "search.jobs=4")
    assert run_search.batches == [4, 4, 1] and found["states"] == {"complete": 9}
    pairs = zip(
        values(run_search.launched), values(run_search.launched, "model.dropout"), strict=True
    )
    assert len(set(pairs)) == 9


def test_the_fault_of_one_job_leaves_the_scores_of_those_beside_it(run_search):
    def value(given):
        return ConfigError("no such thing") if "search.trial=1" in given else 0.5

    with pytest.raises(ConfigError, match="no such thing"):
        run_search("random", "search.trials=3", "search.jobs=3", value=value)
    options = read(
        SearchSettings,
        plain(compose("train", ["search=random", f"search.folder={run_search.folder}"])),
    ).search
    states = [each.state.name for each in open_study(options, "xray", open_storage(options)).trials]
    assert states == ["COMPLETE", "FAIL", "COMPLETE"]


def test_a_grid_runs_every_combination_once(run_search):
    found = run_search("grid", "search.points=3")
    pairs = list(
        zip(values(run_search.launched), values(run_search.launched, "model.dropout"), strict=True)
    )
    assert sorted(pairs) == sorted(
        itertools.product(["0.0001", "0.003162", "0.1"], ["0", "0.3", "0.6"])
    )
    assert found["trials"] == 9


def test_coarse_to_fine_narrows_around_the_best(run_search):
    found = run_search("coarse_to_fine", "search.trials=10")
    coarse, fine = run_search.launched[:10], run_search.launched[10:]
    assert all("search.data_fraction=0.3" in given for given in coarse)
    assert all("search.data_fraction=1.0" in given for given in fine)
    assert len(fine) == 9
    table = pd.read_csv(run_search.folder / "trials.csv")
    of_coarse = table[table["stage"] == "coarse"]
    best = of_coarse.loc[of_coarse["score"].idxmin()]
    tried = {float(value) for value in values(fine)}
    assert float(f"{best['optimizer.lr']:.4g}") in tried
    assert max(tried) / min(tried) < 1e3
    assert found["best"]["score"] <= of_coarse["score"].min() + 1e-6


def test_the_fine_grid_waits_for_the_coarse_trials_of_other_processes(run_search, monkeypatch):
    given = ["search=coarse_to_fine", "search.score=val_loss", "search.trials=3"]
    composed = compose("train", [*given, f"search.folder={run_search.folder}"])
    options = read(SearchSettings, plain(composed)).search
    other = open_study(options, f"{options.study}/coarse", open_storage(options))
    worker, trial = Worker(options.folder), other.ask()
    trial.set_user_attr("worker", worker.name)
    for name, low, high in (("optimizer.lr", 1e-4, 1e-1), ("model.dropout", 0.0, 0.6)):
        trial.suggest_float(name, low, high, log=name == "optimizer.lr")
    best = str(trial.params["model.dropout"])[:4]

    def meanwhile(_seconds):
        other.tell(trial, -1.0)

    monkeypatch.setattr(sweeping, "sleep", meanwhile)
    run_search("coarse_to_fine", "search.trials=3")
    worker.leave()
    fine = [each for each in run_search.launched if "search.stage=fine" in each]
    assert len(run_search.launched) - len(fine) == 2
    assert any(f"model.dropout={best}" in text for each in fine for text in each)


def test_parzen_estimators_come_nearer_than_chance(run_search, tmp_path):
    tpe = run_search("tpe", "search.trials=20", folder=tmp_path / "t")["best"]["score"]
    assert tpe < 0.03


def test_a_finished_search_is_not_run_again_and_more_trials_are_those_of_its_seed(
    run_search, tmp_path
):
    first = run_search("random", "search.trials=3")
    drawn = values(run_search.launched)
    again = run_search("random", "search.trials=3")
    assert run_search.launched == [] and again["best"] == first["best"]
    run_search("random", "search.trials=5")
    drawn += values(run_search.launched)
    run_search("random", "search.trials=5", folder=tmp_path / "at_once")
    assert len(drawn) == 5 and values(run_search.launched) == drawn
    run_search("random", "search.trials=1", "search.seed=1", folder=tmp_path / "other")
    assert not set(values(run_search.launched)) & set(drawn)


def test_an_interrupted_trial_is_run_again_in_its_own_folder(run_search):
    with pytest.raises(KeyboardInterrupt):
        run_search("random", "search.trials=4", stop_at=2)
    stopped = run_search.launched[-1]
    found = run_search("random", "search.trials=4")
    again = run_search.launched[0]
    own = [
        text for text in stopped if text.startswith(("optimizer.lr", "model.dropout", "run_dir"))
    ]
    assert set(own) <= set(again)
    assert len(run_search.launched) == 3
    assert found["states"] == {"complete": 4, "interrupted": 1}


def test_faults_and_stopped_trials_leave_the_others_alone(run_search):
    outcomes = itertools.cycle(
        [
            {"state": "failed", "score": None, "fault": "The training loss is nan."},
            {"state": "pruned", "score": 0.9, "learning_curve": [0.9]},
            0.5,
        ]
    )
    found = run_search("random", "search.trials=6", value=lambda _: next(outcomes))
    assert found["states"] == {"failed": 2, "pruned": 2, "complete": 2}
    assert found["best"]["score"] == 0.5
    assert "loss is nan" in (run_search.folder / "search.html").read_text()
    assert found["importance"] == {}


def test_a_job_that_cannot_start_stops_the_search(run_search):
    def cannot(_):
        raise ConfigError("There is no such model.")

    with pytest.raises(ConfigError, match="no such model"):
        run_search("random", "search.trials=6", value=cannot)
    assert len(run_search.launched) == 1


def test_no_score_at_all_is_said(run_search, tmp_path):
    def fails(_):
        return {"state": "failed", "score": None, "fault": "x"}

    assert run_search("random", "search.trials=2", value=fails)["best"] is None
    with pytest.raises(ConfigError, match="nothing to refine"):
        run_search("coarse_to_fine", "search.trials=2", value=fails, folder=tmp_path / "c")


def test_another_search_does_not_mix_into_a_study(run_search):
    run_search("random", "search.trials=1")
    with pytest.raises(ConfigError, match="another search") as error:
        run_search("random", "search.trials=2", "seed=3")
    assert "search.study=NAME" in str(error.value)


def test_a_run_directory_is_not_taken_for_the_folder_of_the_search(run_search):
    with pytest.raises(ConfigError, match=r"search\.folder=elsewhere"):
        run_search("random", "run_dir=elsewhere")


def test_bad_settings_are_refused_before_the_first_trial(run_search):
    with pytest.raises(ConfigError, match="patience cannot be"):
        run_search("random", "callbacks.patience=0")
    with pytest.raises(ConfigError, match="works on classifiers"):
        run_search("random", "task=autoencoder", "callbacks.monitor=val_loss")
    assert run_search.launched == []
