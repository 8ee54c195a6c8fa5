"""All folds by one command, and the join of folds that were run one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from medcnn.console import say
from medcnn.crossvalidation.reporting import report_folds
from medcnn.crossvalidation.whole import check_whole, fold_of
from medcnn.data.preparation import cache_images, folds_of, read_data
from medcnn.errors import UserError
from medcnn.processes.together import Task, outcomes, raise_failed
from medcnn.processes.voice import is_beside_others
from medcnn.run.command import asked, repeating
from medcnn.run.directory import RunDir
from medcnn.run.place import begin, choose_run_dir, held
from medcnn.settings.grammar import written
from medcnn.training.settings import Settings, read_begun, settings_of
from medcnn.training.story import resume, run


def run_all(settings: Settings) -> RunDir:
    """Train every fold and report their out-of-fold predictions; return the directory of all.

    Args:
        settings: What ``check_whole`` returned.

    Raises:
        UserError: If there is a run in the directory already.
    """
    directory = RunDir(choose_run_dir(settings.run_dir, settings.name))
    with held(directory):
        begin(directory, settings)
        return _train_folds(directory, settings)


def go_on(directory: RunDir) -> RunDir:
    """Train the folds that are not finished yet, and report all of them."""
    if directory.results.is_file() and directory.report.is_file():
        say(f"{directory.path} is finished; its report is {directory.report}")
        return directory
    settings = check_whole(read_begun(directory))
    with held(directory):
        return _train_folds(directory, settings)


def _train_folds(directory: RunDir, settings: Settings) -> RunDir:
    data = replace(settings.data, folds=folds_of(settings.data))
    settings = replace(settings, data=data)
    members = [directory.member(fold) for fold in range(data.folds or 0)]
    tasks = [
        Task(f"fold {fold + 1}", partial(_train_fold, settings, members, fold, asked()))
        for fold in range(len(members))
    ]
    from medcnn.training.sharing import places_of_runs  # torch: seconds

    room = places_of_runs(settings, len(tasks))
    if len(room) > 1:  # once for all, before each asks for them
        cache_images(read_data(settings.data), settings.data)
    done = list(outcomes(tasks, room))
    raise_failed(done, remedy=f"mend that, then  medcnn train {written('resume', directory.path)}")
    report_folds(directory, members, settings)
    return directory


def _train_fold(
    settings: Settings, members: Sequence[RunDir], fold: int, words: Sequence[str]
) -> None:
    """Train one fold, or go on with it, in this process or in one of its own."""
    if not is_beside_others():
        say(f"fold {fold + 1} of {len(members)}")
    member = members[fold]
    with repeating(words):
        if member.config.is_file():
            resume(member)
        else:
            run(fold_of(settings, fold, member.path))


def join_if_complete(directory: RunDir) -> RunDir | None:
    """Report all folds if ``directory`` was the last to finish; return where, or None.

    The folds of one cross-validation are runs side by side with the same configuration but for
    ``data.fold``, as ``train.py -m data.folds=5 data.fold=0,1,2,3,4`` leaves them, whatever process
    or machine ran each. The members of a whole are reported by it.
    """
    settings, parent = _settings(directory), directory.path.resolve().parent
    if settings is None or parent.name == "members" or not directory.results.is_file():
        return None
    folds = settings.data.folds or 0
    found: dict[int, RunDir] = {}
    for path in sorted(parent.iterdir()):
        other = _settings(RunDir(path))
        if other is not None and _without_fold(other) == _without_fold(settings):
            found.setdefault(other.data.one_fold or 0, RunDir(path))
    if set(found) != set(range(folds)):
        return None
    members = [found[fold] for fold in range(folds)]
    if not all(run.results.is_file() and run.report.is_file() for run in members):
        return None
    joint = RunDir(parent / f"cross_validation_{members[0].path.name}")
    _link(joint, members)
    whole = replace(settings, data=replace(settings.data, fold="all"), run_dir=str(joint.path))
    report_folds(joint, members, whole)
    return joint


def _settings(run: RunDir) -> Settings | None:
    """Return the settings of a run that is one fold of several, or None."""
    if not run.config.is_file():
        return None
    try:
        found = settings_of(run)
    except UserError:  # a neighbour that is no run of this kind, or a broken one
        return None
    return None if found.data.one_fold is None else found


def _without_fold(settings: Settings) -> Settings:
    """Return settings without that in which the runs of one cross-validation may differ."""
    return replace(settings, data=replace(settings.data, fold=None), run_dir=None, resume=None)


def _link(joint: RunDir, members: list[RunDir]) -> None:
    """Let the runs be members of the ensemble without a second copy of their weights."""
    for number, member in enumerate(members):
        link = joint.member(number).path
        link.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            link.symlink_to(Path("..") / ".." / member.path.name, target_is_directory=True)
