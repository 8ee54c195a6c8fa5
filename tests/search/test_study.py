"""Processes that share a study, and processes that are killed in the middle of a trial."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from multiprocessing import get_context
from pathlib import Path

import optuna
import pytest

from medcnn.errors import ConfigError
from medcnn.search.settings import Search
from medcnn.search.space import Parameter
from medcnn.search.study import Worker, counted, make_pruner, make_sampler, open_storage, open_study
from medcnn.search.sweeping import search
from medcnn.settings.composition import compose


def searching(folder, kill_at=0, storage="null", meanwhile=lambda: None):
    count = 0

    def launch_one(given):
        nonlocal count
        count += 1
        meanwhile()
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        lr = next(float(text[13:]) for text in given if text.startswith("optimizer.lr="))
        return {"state": "complete", "score": lr}

    fixed = ["search=random", "search.score=val_loss", "search.trials=6"]
    fixed += [f"search.folder={folder}", f"search.storage={storage}"]
    swept = ["optimizer.lr=interval(0.001,0.1)", "model.dropout=0.1", "optimizer.weight_decay=0.1"]
    search([*fixed, *swept], compose("train", fixed), lambda jobs, _: list(map(launch_one, jobs)))
    print("launched", count)  # noqa: T201


def options_of(folder, **others):
    storage = f"sqlite:///{folder / 'study.db'}"
    defaults = {"method": "random", "score": "val_loss", "study": "xray", "folder": folder}
    return Search(**defaults | {"storage": storage} | others)


def trials_of(folder):
    options = options_of(folder)
    return open_study(options, "xray", open_storage(options)).trials


def test_a_killed_search_goes_on_as_it_would_have(tmp_path, forked, capfd):
    assert forked(searching, tmp_path, 3)[0] == -signal.SIGKILL
    searching(tmp_path)
    resumed = capfd.readouterr().out
    assert "trial 3 was interrupted, and is run again" in resumed
    assert "launched 4\n" in resumed
    complete = [each for each in trials_of(tmp_path) if each.state.name == "COMPLETE"]
    # What a search without interruption draws, one trial after the other.
    space, options = [Parameter("optimizer.lr", low=0.001, high=0.1)], options_of(tmp_path)
    expected = []
    for drawn in range(6):
        sampler = make_sampler("random", space, options, drawn, 0)
        expected.append(space[0].draw(optuna.create_study(sampler=sampler).ask()))
    assert sorted(each.params["optimizer.lr"] for each in complete) == sorted(expected)


def test_of_two_processes_that_share_a_file_one_is_killed_and_no_trial_lost(tmp_path, capfd):
    fork = get_context("fork")
    begun = fork.Event()
    # Begun before this process opens the file: connections to it cannot be taken into a fork.
    other = fork.Process(target=lambda: begun.wait(60) and searching(tmp_path, 1))
    other.start()
    searching(tmp_path, meanwhile=lambda: (begun.set(), other.join(120)))
    assert other.exitcode == -signal.SIGKILL
    said = capfd.readouterr().out
    assert "trial 2 was interrupted, and is run again" in said and "launched 6\n" in said
    complete = [each for each in trials_of(tmp_path) if each.state.name == "COMPLETE"]
    assert len({each.value for each in complete}) == len(complete) == 6


def test_only_the_dead_are_reclaimed(tmp_path):
    options = options_of(tmp_path)
    study = open_study(options, "xray", open_storage(options))
    alive, other = Worker(tmp_path), Worker(tmp_path)
    assert (alive.number, other.number) == (0, 1)
    study.ask().set_user_attr("worker", alive.name)
    assert other.reclaim(study) == []
    alive._lock.release()
    assert other.reclaim(study) == [0]
    assert counted(study) == (0, 1)
    other.leave()


@pytest.mark.parametrize(("name", "stops"), [("median", True), ("halving", True), ("none", False)])
def test_pruners_stop_what_falls_behind_after_its_second_epoch(tmp_path, name, stops):
    study = optuna.create_study(direction="maximize", pruner=make_pruner(name))
    for level in (0.9, 0.91, 0.92, 0.93, 0.94, 0.95):
        good = study.ask()
        for epoch in range(8):
            good.report(level, epoch)
            good.should_prune()
        study.tell(good, level)
    bad = study.ask()
    bad.report(0.5, 0)
    assert not bad.should_prune()
    for epoch in range(1, 4):
        bad.report(0.5, epoch)
    assert bool(bad.should_prune()) is stops


def test_samplers_are_seeded_by_trial_and_worker(tmp_path):
    options = options_of(tmp_path)
    space = [Parameter("a", low=0.0, high=1.0)]

    def draw(drawn, worker, method="random"):
        study = optuna.create_study(sampler=make_sampler(method, space, options, drawn, worker))
        return space[0].draw(study.ask())

    assert draw(3, 0) == draw(3, 0)
    assert len({draw(0, 0), draw(1, 0), draw(0, 1)}) == 3
    assert isinstance(make_sampler("tpe", space, options, 0, 0), optuna.samplers.TPESampler)


@pytest.fixture
def server():
    """Return the URL of a PostgreSQL server of this machine's own, and a function that restarts it."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    pytest.importorskip("psycopg")
    try:
        user = None if os.getuid() else pwd.getpwnam("postgres").pw_name  # it refuses to be root
    except KeyError:
        programs = []
    if not programs:
        pytest.skip("PostgreSQL is not installed")
    home = Path(tempfile.mkdtemp(prefix="pg"))
    if user:
        shutil.chown(home, user)

    def do(program, *arguments):
        command = [programs[-1] / program, "-D", home / "data", *arguments]
        subprocess.run(command, check=True, user=user, cwd=home, stdout=subprocess.DEVNULL)

    do("initdb", "-A", "trust", "-U", "search", "--no-sync")
    options = f"-k {home} -h '' -F"
    do("pg_ctl", "start", "-w", "-l", home / "log", "-o", options)

    def restart():
        do("pg_ctl", "stop", "-m", "immediate")  # as a kill would
        do("pg_ctl", "start", "-w", "-l", home / "log", "-o", options)

    yield f"'postgresql://search@/postgres?host={home}'", restart
    do("pg_ctl", "stop", "-m", "immediate")
    shutil.rmtree(home, ignore_errors=True)


def test_a_study_in_postgresql_outlives_its_processes_and_its_server(
    server, tmp_path, forked, capfd
):
    url, restart = server  # quoted for Hydra
    assert forked(searching, tmp_path, 3, url)[0] == -signal.SIGKILL
    options = options_of(tmp_path, storage=url.strip("'"))
    storage = open_storage(options)
    study = open_study(options, "xray", storage)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "RUNNING"]
    restart()  # the connections of this process are none any more
    assert Worker(tmp_path).reclaim(study) == [2]
    searching(tmp_path, storage=url)
    assert "launched 4\n" in capfd.readouterr().out
    searching(tmp_path / "alone")
    again, never = (
        [trial.params for trial in trials if trial.state.name == "COMPLETE"]
        for trials in (study.get_trials(), trials_of(tmp_path / "alone"))
    )
    assert sorted(map(str, again)) == sorted(map(str, never))
    assert len(again) == 6


def test_a_database_that_is_not_there_is_said_in_words(tmp_path):
    nowhere = f"postgresql://nobody@/nothing?host={tmp_path}"
    with pytest.raises(ConfigError, match=r"cannot be opened(.|\n)*search\.storage=postgresql"):
        open_storage(options_of(tmp_path, storage=nowhere))
