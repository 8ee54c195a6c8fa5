"""Hydra's way into medcnn: the sweepers of ``-m`` and of ``search=NAME``.

Hydra imports this file at every start and takes sweepers from this namespace alone, so everything
else lies in medcnn and is imported when a search begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class StudySweeper(Sweeper):
    """Runs the trials of a study, one Hydra job each."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what a job needs."""
        self.config: DictConfig = config
        self.context = hydra_context
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Search, and return what was found."""
        from medcnn.errors import require_packages

        require_packages(("optuna",), "search", "A search")
        from medcnn.search.sweeping import search

        here = isinstance(self.launcher, BasicLauncher)
        return search(arguments, self.config, self._launch, here=here)

    def _launch(self, jobs: Sequence[Sequence[str]], number: int) -> list[Any]:
        returned = self.launcher.launch([list(given) for given in jobs], initial_job_idx=number)
        # Of a job that failed it is what it raised; its own property would announce that once more.
        return [job._return_value for job in returned]


class EverySweeper(BasicSweeper):
    """Hydra's own sweep, whose jobs all run although one fails; the end names those that did."""

    def sweep(self, arguments: list[str]) -> Any:
        """Run every job."""
        from medcnn.jobs import EveryJob

        launcher = cast(Launcher, self.launcher)  # setup() has made it
        every = EveryJob(launcher)
        self.launcher = cast(Launcher, every)
        returns = super().sweep(arguments)
        every.conclude()
        return returns


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="study",
    node={"_target_": "hydra_plugins.medcnn_search.StudySweeper"},
    provider="medcnn",
)
ConfigStore.instance().store(
    group="hydra/sweeper",
    name="every",
    node={
        "_target_": "hydra_plugins.medcnn_search.EverySweeper",
        "max_batch_size": None,
        "params": None,
    },
    provider="medcnn",
)
