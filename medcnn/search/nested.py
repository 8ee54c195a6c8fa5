"""Nested cross-validation: what a tuned model is worth on patients that its tuning never saw.

In each outer fold a search of its own chooses the values on training and validation alone, one model
is trained with them, and the held-out fold judges it. The score of a search is too good, because it is
the best of many; this one is not (Varma and Simon 2006).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medcnn.console import say
from medcnn.crossvalidation.reporting import report_folds
from medcnn.crossvalidation.whole import check_whole
from medcnn.data.preparation import read_data
from medcnn.errors import ConfigError
from medcnn.evaluation.results import Results
from medcnn.run.directory import RunDir, write_json
from medcnn.search.launching import Launch
from medcnn.search.page import of_training
from medcnn.search.settings import SearchSettings
from medcnn.search.space import assignments, read_space

Search = Callable[[Sequence[str], SearchSettings], dict[str, Any] | None]


def search_nested(
    arguments: Sequence[str], asked: SearchSettings, search: Search, launch: Launch
) -> Results | None:
    """Search in every fold, train with what it found, and report the held-out folds together.

    What is finished already is left as it is, so that the same command goes on after a kill.

    Args:
        arguments: The overrides of the command line, ``data.fold=all`` among them.
        asked: What they compose to.
        search: Runs a search with other overrides.
        launch: Runs jobs.

    Returns:
        The results of the held-out folds, or None where no trial of one came to a score.

    Raises:
        ConfigError: If the number of folds is not given, or if the data has a test split of its own:
            the fold would be what trials are judged by.
    """
    settings = check_whole(asked)
    if settings.data.folds is None:
        raise ConfigError(
            "A search in folds needs their number.",
            expected="for example data.folds=5 beside data.fold=all",
            found="data.folds=null",
        )
    _need_no_test(settings)
    options = settings.search
    folds = settings.data.folds
    whole, found = RunDir(options.folder), []
    for fold in range(folds):
        say(f"outer fold {fold + 1} of {folds}")
        own = of_fold(arguments, fold, options.folder)
        inner = search(own, _of_fold(asked, fold))
        if inner is None or inner["best"] is None:
            return None
        found.append(inner)
        member = whole.member(fold)
        if not (member.results.is_file() and member.report.is_file()):
            _, fixed = read_space(options.space, own)
            chosen = assignments(inner["best"]["values"])
            begun = [f"resume='{member.path}'"] if member.config.is_file() else []
            given = [*of_training(fixed), *chosen, f"run_dir='{member.path}'", *begun]
            (returned,) = launch([given], fold)
            if isinstance(returned, Exception):
                raise returned
    write_json(whole.path / "nested.json", [each["best"] for each in found])
    shared = replace(settings.training, run_dir=str(whole.path))
    return report_folds(whole, whole.members, shared)


def of_fold(arguments: Sequence[str], fold: int, folder: Path) -> list[str]:
    """Return the overrides of the search within one outer fold.

    >>> of_fold(["data.folds=5", "data.fold=all", "search=tpe"], 2, Path("s"))
    ['data.folds=5', 'search=tpe', 'data.fold=2', "search.folder='s/search_2'"]
    """
    own = ("data.fold=", "search.folder=")
    kept = [text for text in arguments if not text.startswith(own)]
    return [*kept, f"data.fold={fold}", f"search.folder='{folder / f'search_{fold}'}'"]


def _of_fold(settings: SearchSettings, fold: int) -> SearchSettings:
    """Return what the overrides of a fold's search compose to."""
    own = replace(settings.search, folder=settings.search.folder / f"search_{fold}")
    return replace(settings, data=replace(settings.data, fold=fold), search=own)


def _need_no_test(settings: SearchSettings) -> None:
    if "test" not in set(read_data(settings.data).table["split"]):
        return
    raise ConfigError(
        "The data has a test split of its own, so that a fold would be the validation that trials "
        "are judged by.",
        expected="data without a test split for a nested cross-validation",
        found=f"data.fold=all with data={settings.data.name}",
        remedy="search without data.fold, and test the best once on the test split",
    )
