"""The search: which trials are run, in which order, and when it is enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import sleep
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from medcnn.console import say, warn
from medcnn.errors import ConfigError, UserError
from medcnn.evaluation.results import Results
from medcnn.search.importance import finished, narrow
from medcnn.search.launching import Launch, launching
from medcnn.search.nested import search_nested
from medcnn.search.page import write_search
from medcnn.search.settings import Search, SearchSettings
from medcnn.search.space import Parameter, assignments, read_space
from medcnn.search.study import (
    Stage,
    Worker,
    alive,
    ask,
    counted,
    end_without_score,
    make_sampler,
    open_storage,
    open_study,
    original_number,
    reached,
    run_again,
    runs_elsewhere,
)
from medcnn.settings.composition import plain
from medcnn.settings.reading import read
from medcnn.training.requirements import check_classifier, check_one_device, check_requirements
from medcnn.training.settings import checked

COARSE = "coarse"
"""The stage after which the ranges are narrowed."""
POLL = 5.0
"""Seconds between looks at what other processes are doing."""


@dataclass(frozen=True)
class Means:
    """What a search works with.

    Attributes:
        fixed: The overrides that all trials share.
        jobs: How many trials are run at once.
        launch: What runs them.
        storage: The database of the study.
        worker: This process as one of those that work on it.
    """

    fixed: list[str]
    jobs: int
    launch: Launch
    storage: RDBStorage
    worker: Worker


def search(
    arguments: Sequence[str], config: DictConfig, launch: Launch, *, here: bool = False
) -> dict[str, Any] | Results | None:
    """Run a search, or go on with it, and return what it found; None if a trial could not start.

    Args:
        arguments: The overrides of the command line, sweeps included.
        config: What they compose to, Hydra's own part included.
        launch: Runs jobs.
        here: Whether it runs them in this process, one after another.

    Raises:
        ConfigError: If the options, the space or the settings that the trials share do not fit.
    """
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    settings = read(SearchSettings, plain(own))
    if settings.run_dir is not None:
        raise ConfigError(
            "A search has a folder with a run for each trial, and no run directory of its own.",
            expected=f"search.folder={settings.run_dir}",
            found=f"run_dir={settings.run_dir}",
        )
    if settings.data.is_whole:
        return search_nested(
            arguments, settings, lambda given, inner: _search(given, inner, launch, here), launch
        )
    return _search(arguments, settings, launch, here)


def _search(
    arguments: Sequence[str], asked: SearchSettings, launch: Launch, here: bool
) -> dict[str, Any] | None:
    settings = checked(asked)
    check_requirements(settings)
    check_one_device(settings, "A trial of a search")
    options = settings.search
    space, fixed = read_space(options.space, arguments)
    check_classifier(settings, "A search")
    storage, worker = open_storage(options), Worker(options.folder)
    try:
        means = Means(fixed, *launching(settings, space, launch, here=here), storage, worker)
        with reached():
            done = _run_stages(options, space, means)
    finally:
        worker.leave()
    found: dict[str, Any] = write_search(options.folder, done, fixed)
    _announce(found)
    return found


def _run_stages(
    options: Search, space: list[Parameter], means: Means
) -> list[tuple[Stage, optuna.Study]]:
    if options.method != "coarse_to_fine":
        stage = Stage("", options.method, space, options)
        return [(stage, _run_stage(stage, means))]
    coarse = Stage(COARSE, "random", space, options)
    first = _run_stage(coarse, means)
    if not finished(first):
        raise ConfigError(
            "No trial of the coarse stage came to a score, so there is nothing to refine.",
            expected="at least one finished trial",
            found=f"{len(first.trials)} trials, all failed or stopped",
            remedy="look at search.html; narrow the ranges, or give trainer.max_epochs more room",
        )
    narrowed = narrow(space, first, options)
    whole = replace(options, data_fraction=1.0, pruner="none")
    fine = Stage("fine", "grid", narrowed, whole)
    return [(coarse, first), (fine, _run_stage(fine, means))]


def _run_stage(stage: Stage, means: Means) -> optuna.Study:
    study: optuna.Study = open_study(stage.options, stage.study, means.storage)
    _check_same(study, stage, means.fixed)
    wanted, told = _wanted(stage), False
    while True:
        for number in means.worker.reclaim(study):
            say(f"trial {number + 1} was interrupted, and is run again")
        done, waiting = counted(study)
        count = min(max(wanted - done, waiting), means.jobs)
        if count > 0:
            _run_some(count, done, study, stage, means)
        elif stage.name == COARSE and runs_elsewhere(study):
            # The best may be among them, and every process has to refine the same.
            if not told:
                say("waiting for the trials of other processes")
            told = True
            sleep(POLL)
        else:
            return study


def _wanted(stage: Stage) -> int:
    if stage.method != "grid":
        return stage.options.trials
    return math.prod(len(each.cut(stage.options.points)) for each in stage.space)


def _run_some(count: int, done: int, study: optuna.Study, stage: Stage, means: Means) -> None:
    """Ask for so many trials, run them, and tell what became of each."""
    trials, jobs = [], []
    for number in range(done, done + count):
        study.sampler = make_sampler(
            stage.method, stage.space, stage.options, number, means.worker.number
        )
        trials.append(ask(study))
        trials[-1].set_user_attr("worker", means.worker.name)
        jobs.append(_job(study, trials[-1], stage, means.fixed))
    # A grid is all asked for here; told of its last place, its sampler would stop a loop of Optuna's.
    study.sampler = make_sampler("random", stage.space, stage.options, done, means.worker.number)
    numbers = [trial.number for trial in trials]
    try:
        with alive(means.storage, study, numbers):
            results = means.launch(jobs, numbers[0])
    except BaseException as error:
        for number in numbers:
            end_without_score(study, number)
            if isinstance(error, KeyboardInterrupt):
                run_again(study, study.trials[number])
        if isinstance(error, KeyboardInterrupt):
            say("stopped; the same command goes on with the search")
        raise
    faults = [_conclude(study, *each) for each in zip(trials, results, strict=True)]
    for fault in filter(None, faults):
        raise fault


def _job(study: optuna.Study, trial: optuna.Trial, stage: Stage, fixed: list[str]) -> list[str]:
    """Return the overrides of a trial, and say what it tries."""
    chosen = assignments({each.name: _draw(each, trial, stage) for each in stage.space})
    number = original_number(study.trials[trial.number])
    name = f"trials/{stage.name}{'_' if stage.name else ''}{number}"
    place = f"{stage.name} trial {number + 1} of {_wanted(stage)}".lstrip()
    say(f"{place}, in {name}: {' '.join(chosen)}")
    return [
        *fixed,
        *chosen,
        f"search.stage={stage.name or 'null'}",
        f"search.trial={trial.number}",
        f"search.data_fraction={stage.options.data_fraction}",
        f"search.pruner={stage.options.pruner}",
        f"run_dir='{stage.options.folder / name}'",
    ]


def _draw(parameter: Parameter, trial: optuna.Trial, stage: Stage) -> Any:
    """Return the trial's value; on a grid every value is a choice among those of the grid."""
    if stage.method != "grid":
        return parameter.draw(trial)
    return trial.suggest_categorical(parameter.name, parameter.cut(stage.options.points))


def _conclude(study: optuna.Study, trial: optuna.Trial, result: Any) -> Exception | None:
    """Tell the study what a trial came to; return the fault of one that could not be run."""
    if isinstance(result, Exception) or result is None:
        end_without_score(study, trial.number)
        return result or UserError(f"Trial {trial.number + 1} could not be run.")
    for key in ("epochs", "seconds", "fault", "learning_curve"):
        if key in result:
            trial.set_user_attr(key, result[key])
    place = f"trial {trial.number + 1}: "
    if result["state"] == "pruned":
        say(f"{place}stopped, behind the others")
        study.tell(trial, state=TrialState.PRUNED)
    elif result["state"] == "failed":
        say(f"{place}no score: {result['fault']}")
        end_without_score(study, trial.number)
    else:
        say(f"{place}score {result['score']:.4f}")
        study.tell(trial, float(result["score"]))
    return None


def _check_same(study: optuna.Study, stage: Stage, fixed: list[str]) -> None:
    """Refuse to mix trials of different searches in one study."""
    now = {
        "space": [f"{each.name} {each.range}" for each in stage.space],
        "fixed": sorted(text for text in fixed if not text.startswith("search")),
        "score": stage.options.score,
        "data_fraction": stage.options.data_fraction,
    }
    before = study.user_attrs.get("search")
    if before is None:
        study.set_user_attr("search", now)
    elif before != now:
        differing = [key for key in now if before.get(key) != now[key]]
        raise ConfigError(
            f"The study {stage.study!r} in {stage.options.folder} is another search.",
            expected="; ".join(f"{key}: {before.get(key)}" for key in differing),
            found="; ".join(f"{key}: {now[key]}" for key in differing),
            remedy="go on with the same command, or begin another by search.study=NAME",
        )


def _announce(found: dict[str, Any]) -> None:
    say("")
    if found["best"] is None:
        warn("no trial came to a score")
    else:
        best = found["best"]
        reached, number = f"{found['score']} {best['score']:.4f}", best["trial"] + 1
        say(f"best         {reached} on validation, trial {number}")
        say(f"reproduce    {best['command']}")
    for name, share in found["importance"].items():
        say(f"importance   {name} {100 * share:.0f}%")
    say(f"page         {found['page']}")
