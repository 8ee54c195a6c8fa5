"""How trials are started: by Hydra's launcher, or side by side in processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from medcnn.processes.together import Place, Task, outcomes
from medcnn.run.command import asked, repeating
from medcnn.search.settings import SearchSettings
from medcnn.search.space import Parameter
from medcnn.search.trial import prepare_trial, run_trial
from medcnn.settings.composition import compose

Launch = Callable[[Sequence[Sequence[str]], int], list[Any]]
"""Runs jobs with these overrides, the first of that number; returns what each returned or raised."""
OF_WORK = ("data.image_size", "data.batch_size", "model")
"""Keys that the work of a step follows from; of the keys below ``model`` all but these do too:"""
IDLE = ("model.dropout", "model.init", "model.weights")


def launching(
    settings: SearchSettings, space: Sequence[Parameter], launch: Launch, *, here: bool
) -> tuple[int, Launch]:
    """Return how many trials of a search are asked for at once, and what runs them.

    A launcher that was chosen is given as many at once as ``search.jobs`` says. Hydra's own would run
    them in this process, one after another: then as many processes as ``parallel`` allows do it.

    Args:
        settings: The settings that the trials share.
        space: What is searched.
        launch: Runs jobs by Hydra's launcher.
        here: Whether that would run them in this process.
    """
    wanted = settings.search.jobs
    if not here:
        return (1 if wanted == "auto" else wanted), launch
    if wanted == "auto" and settings.parallel == "auto" and any(map(_is_work, space)):
        return 1, launch  # some of them may be work for all cores
    from medcnn.training.sharing import places_of_runs  # torch: seconds

    room = places_of_runs(settings, settings.search.trials if wanted == "auto" else wanted)
    jobs = len(room) if wanted == "auto" else wanted
    if len(room) == 1:
        return jobs, launch
    prepare_trial(settings, settings.search)  # once for all, before each asks for it
    return jobs, partial(_beside, room)


def _is_work(parameter: Parameter) -> bool:
    name = parameter.name
    return name in OF_WORK or (name.startswith("model.") and name not in IDLE)


def _beside(room: Sequence[Place], jobs: Sequence[Sequence[str]], first: int) -> list[Any]:
    """Run trials in processes side by side."""
    words = asked()
    tasks = [
        Task(f"trial {number + 1}", partial(_run_trial, tuple(given), tuple(words)))
        for number, given in enumerate(jobs, first)
    ]
    done = outcomes(tasks, room)
    return [each.result if each.fault is None else each.fault for each in done]


def _run_trial(overrides: Sequence[str], words: Sequence[str]) -> dict[str, Any]:
    with repeating(words):
        return run_trial(compose("train", list(overrides)))
