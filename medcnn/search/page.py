"""What a search leaves: ``search.json``, ``trials.csv`` and one page that shows all of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from medcnn.run.directory import atomic_path, write_json, write_text
from medcnn.search import figures
from medcnn.search.importance import importances
from medcnn.search.space import Parameter, assignments
from medcnn.search.study import Stage, interrupted

FOREIGN = ("search=", "search.", "hydra", "+search")
"""Overrides that speak of the search itself, and not of what it found."""


def write_search(
    folder: Path, stages: Sequence[tuple[Stage, optuna.Study]], fixed: Sequence[str]
) -> dict[str, Any]:
    """Write the page, the table and the JSON file of a search, and return the latter.

    Args:
        folder: The folder of the search.
        stages: Each stage and its study; the best trial of the last one is the best of all.
        fixed: The overrides that all trials share.
    """
    options = stages[-1][0].options
    tables = [trials_table(stage, study) for stage, study in stages]
    table = pd.concat(tables, ignore_index=True)
    with atomic_path(folder / "trials.csv") as temporary:
        table.drop(columns=["learning_curve"]).to_csv(temporary, index=False)
    # The wide ranges of the first stage tell what matters; a grid around the best is too narrow to.
    found = {
        "study": options.study,
        "method": options.method,
        "score": options.score,
        "direction": options.direction,
        "trials": len(table),
        "states": {str(name): int(n) for name, n in table["state"].value_counts().items()},
        "best": _best(tables[-1], stages[-1][0], fixed),
        "importance": importances(stages[0][1]),
        "page": str(folder / "search.html"),
    }
    write_json(folder / "search.json", found)
    write_text(folder / "search.html", _render(found, stages, tables, fixed))
    return found


def trials_table(stage: Stage, study: optuna.Study) -> pd.DataFrame:
    """Return one row a trial with its stage, number, state, score, values and what went wrong."""
    trials = study.get_trials(deepcopy=False)
    again, rows = interrupted(trials), []
    for trial in trials:
        values = {each.name: trial.params.get(each.name) for each in stage.space}
        curve = trial.user_attrs.get("learning_curve") or []
        better = max if stage.options.direction == "maximize" else min
        score = trial.value if trial.value is not None else better(curve, default=None)
        rows.append(
            {
                "stage": stage.name or stage.method,
                "trial": trial.number,
                "state": "interrupted" if trial.number in again else _state(trial),
                "score": score,
                **values,
                "epochs": trial.user_attrs.get("epochs"),
                "seconds": trial.user_attrs.get("seconds"),
                "fault": trial.user_attrs.get("fault", ""),
                "learning_curve": curve,
            }
        )
    names = ["stage", "trial", "state", "score", *(each.name for each in stage.space)]
    names += ["epochs", "seconds", "fault", "learning_curve"]
    table = pd.DataFrame(rows, columns=names)
    table["score"] = table["score"].astype(float)
    table["order"] = range(1, len(table) + 1)
    return table


def _state(trial: optuna.trial.FrozenTrial) -> str:
    names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    return names.get(trial.state.name, "running")


def _best(table: pd.DataFrame, stage: Stage, fixed: Sequence[str]) -> dict[str, Any] | None:
    done = table[table["state"] == "complete"]
    if done.empty:
        return None
    higher = stage.options.direction == "maximize"
    row = done.iloc[int(done["score"].argmax() if higher else done["score"].argmin())]
    values = {each.name: row[each.name] for each in stage.space}
    plain = {
        name: value.item() if hasattr(value, "item") else value for name, value in values.items()
    }
    return {
        "trial": int(row["trial"]),
        "score": float(row["score"]),
        "values": plain,
        "command": command(fixed, assignments(plain)),
    }


def command(fixed: Sequence[str], chosen: Sequence[str]) -> str:
    """Return the command of one training with these overrides, without the search.

    >>> command(["search=tpe", "data=phantom", "search.trials=9"], ["optimizer.lr=0.01"])
    'medcnn train data=phantom optimizer.lr=0.01'
    """
    return shlex.join(["medcnn", "train", *of_training(fixed), *chosen])


def of_training(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that a training takes as well as a search."""
    return [text for text in overrides if not text.startswith(FOREIGN)]


def _render(
    found: dict[str, Any],
    stages: Sequence[tuple[Stage, optuna.Study]],
    tables: Sequence[pd.DataFrame],
    fixed: Sequence[str],
) -> str:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("medcnn.search"), PackageLoader("medcnn.reporting")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [_stage_facts(stage, table) for (stage, _), table in zip(stages, tables, strict=True)]
    template = environment.get_template("search.html.j2")
    return template.render(found=found, stages=shown, fixed=list(fixed))


def _stage_facts(stage: Stage, table: pd.DataFrame) -> dict[str, Any]:
    options, done = stage.options, table[table["state"] == "complete"]
    higher = options.direction == "maximize"
    drawn = [each for each in stage.space if len(each.choices) != 1]
    ordered = table.sort_values("score", ascending=not higher, na_position="last")
    return {
        "name": stage.name or stage.method,
        "method": stage.method,
        "data_fraction": options.data_fraction,
        "space": [(each.name, each.range) for each in stage.space],
        "history": figures.history(table, options.score, higher=higher) if len(done) else None,
        "slices": figures.slices(table, drawn, options.score) if len(done) and drawn else None,
        "surfaces": figures.surfaces(table, drawn, options.score, higher=higher)
        if len(done) > 1
        else {},
        "names": [each.name for each in stage.space],
        "rows": [_cells(row, stage.space) for row in ordered.to_dict("records")],
    }


def _cells(row: dict[Any, Any], space: Sequence[Parameter]) -> dict[str, Any]:
    def show(value: Any) -> str:
        if value is None or value != value:
            return "–"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return {
        "trial": row["trial"],
        "state": row["state"],
        "score": show(row["score"]),
        "values": [show(row[each.name]) for each in space],
        "epochs": show(row["epochs"]),
        "seconds": show(row["seconds"]),
        "fault": row["fault"],
    }
