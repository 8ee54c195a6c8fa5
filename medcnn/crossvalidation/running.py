"""All folds by one command, and the join of folds that were run one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from medcnn.console import say
from medcnn.crossvalidation.reporting import report_folds
from medcnn.crossvalidation.whole import ALL, check_whole, fold_of
from medcnn.run.directory import RunDir
from medcnn.run.place import begin, choose_run_dir, held
from medcnn.run.settings import read_settings
from medcnn.training.story import resume, run

OWN = ("run_dir", "resume")
"""Keys in which the runs of one cross-validation may differ, besides the fold."""


def run_all(settings: Mapping[str, Any]) -> RunDir:
    """Train every fold and report their out-of-fold predictions; return the directory of all.

    Args:
        settings: What ``check_whole`` returned.

    Raises:
        UserError: If there is a run in the directory already.
    """
    directory = RunDir(choose_run_dir(settings))
    with held(directory):
        begin(directory, settings)
        return _train_folds(directory, settings)


def go_on(directory: RunDir) -> RunDir:
    """Train the folds that are not finished yet, and report all of them."""
    if directory.results.is_file() and directory.report.is_file():
        say(f"{directory.path} is finished; its report is {directory.report}")
        return directory
    settings = check_whole(OmegaConf.create(read_settings(directory)))
    with held(directory):
        return _train_folds(directory, settings)


def _train_folds(directory: RunDir, settings: Mapping[str, Any]) -> RunDir:
    members = [directory.member(fold) for fold in range(int(settings["data"]["folds"]))]
    for fold, member in enumerate(members):
        say(f"fold {fold + 1} of {len(members)}")
        if member.config.is_file():
            resume(member)
        else:
            run(fold_of(settings, fold, member.path))
    report_folds(directory, members, settings)
    return directory


def join_if_complete(directory: RunDir) -> RunDir | None:
    """Report all folds if ``directory`` was the last to finish; return where, or None.

    The folds of one cross-validation are runs side by side with the same configuration but for
    ``data.fold``, as ``train.py -m data.folds=5 data.fold=0,1,2,3,4`` leaves them, whatever process
    or machine ran each. The members of a whole are reported by it.
    """
    settings, parent = _settings(directory), directory.path.resolve().parent
    if settings is None or parent.name == "members" or not directory.results.is_file():
        return None
    folds = int(settings["data"]["folds"])
    found: dict[int, RunDir] = {}
    for path in sorted(parent.iterdir()):
        other = _settings(RunDir(path))
        if other is not None and _without_fold(other) == _without_fold(settings):
            found.setdefault(int(other["data"]["fold"]), RunDir(path))
    if set(found) != set(range(folds)):
        return None
    members = [found[fold] for fold in range(folds)]
    if not all(run.results.is_file() and run.report.is_file() for run in members):
        return None
    joint = RunDir(parent / f"cross_validation_{members[0].path.name}")
    _link(joint, members)
    whole = {**settings, "data": {**settings["data"], "fold": ALL}, "run_dir": str(joint.path)}
    report_folds(joint, members, whole)
    return joint


def _settings(run: RunDir) -> dict[str, Any] | None:
    """Return the configuration of a run that is one fold of several, or None."""
    if not run.config.is_file():
        return None
    found: Any = OmegaConf.to_container(OmegaConf.load(run.config))
    data = found.get("data") if isinstance(found, dict) else None
    one = isinstance(data, dict) and isinstance(data.get("fold"), int)
    return found if one else None


def _without_fold(settings: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in settings.items() if key not in OWN}
    return {**kept, "data": {**settings["data"], "fold": None}}


def _link(joint: RunDir, members: list[RunDir]) -> None:
    """Let the runs be members of the ensemble without a second copy of their weights."""
    for number, member in enumerate(members):
        link = joint.member(number).path
        link.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            link.symlink_to(Path("..") / ".." / member.path.name, target_is_directory=True)
