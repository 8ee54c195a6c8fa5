"""``medcnn diagnose``: what learning curves say, and the overrides to try next."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from medcnn.commands import settings
from medcnn.console import say, warn
from medcnn.data.checks import check_path
from medcnn.diagnosis import diagnose, diagnose_run
from medcnn.errors import ConfigError, DataError
from medcnn.record.record import read_curves
from medcnn.run.directory import RunDir, write_json
from medcnn.settings.composition import read_config


def run(cfg: DictConfig) -> dict[str, Any]:
    """Print the diagnosis of a run, or of bare curves, and return it.

    Raises:
        ConfigError: If not exactly one of ``run`` and ``curves`` is given.
        DataError: If there are no curves.
    """
    options = read_config(settings.Diagnose, cfg)
    if (options.run is None) == (options.curves is None):
        raise ConfigError(
            "diagnose needs one thing to diagnose.",
            expected="run=RUN_DIR or curves=FILE.csv",
            found="nothing" if options.run is None else "both",
        )
    output = options.output
    if options.run is not None:
        directory = RunDir.open(options.run)
        found = diagnose_run(directory, dead=_look_inside(directory) if options.figures else None)
        output = output or directory.path / "diagnosis.json"
    elif options.curves is not None:
        check_path(options.curves, "curves")
        found = diagnose(read_curves(options.curves))
    for line in found.lines():
        say(line)
    result = found.to_json()
    if output is not None:
        write_json(output, result)
    return result


def _look_inside(run: RunDir) -> float | None:
    """Draw what flows through the model and return the share of dead channels; None without one."""
    if not run.results.is_file() or not (run.members or [run])[0].best_checkpoint.is_file():
        return None
    from medcnn.inspection.run import dead_share, inspect_run  # torch: seconds

    try:
        dead: float = dead_share(inspect_run(run))
    except DataError as error:
        # The curves need no image; that the run was moved away from them is no fault of it.
        warn(f"no look into the model, for want of the run's images: {error.problem}")
        return None
    say(f"figures      {run.figures}: filters.png, activations.png, gradients.png")
    return dead
