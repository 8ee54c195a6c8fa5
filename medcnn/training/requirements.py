"""What a training needs besides its data, looked for before they are read.

An accelerator, a logger and code of the user's own are known to be there, or not, at once; to find out
after the last epoch that a run cannot be built, or read back, costs the training.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Iterator
from typing import Any

from medcnn.errors import ConfigError, require_packages
from medcnn.run.settings import TRUSTED, foreign_targets, shipped_targets
from medcnn.settings.fields import Component
from medcnn.settings.reading import as_plain
from medcnn.training.launch import Launch, check_heeded, launched
from medcnn.training.logger_choice import chosen_loggers, package_of
from medcnn.training.settings import Settings, Trainer

ONE_NODE = (
    "trainer.devices=N for several devices of a machine; torchrun or srun for several machines"
)
OURS = {
    "strategy": ONE_NODE,
    "plugins": ONE_NODE,
    "sync_batchnorm": "statistics of the whole batch, which trainer.devices=N keeps by itself",
    "use_distributed_sampler": "the order of the images that data.batch_size and seed give",
    "logger": "logger=NAME",
    "callbacks": "callbacks.KEY=VALUE",
    "enable_progress_bar": "the one progress bar that a terminal shows",
    "enable_model_summary": "medcnn show model=NAME",
    "num_sanity_val_steps": "trainer.fast_dev_run=true to try the machinery",
    "default_root_dir": "run_dir=PATH",
    "enable_checkpointing": "a run that can be gone on with",
    "barebones": "a run that can be gone on with",
}
"""What of Lightning's trainer is decided already, and what to give instead."""
LATER = {"optimizer": ("params",)}
"""What a component is given only when it is called; of the others all is known."""


def check_requirements(settings: Settings) -> None:
    """Raise if a training as described could not be built, or its run not be read back.

    torch is imported only where something was asked for by name that torch has to be asked about.

    Raises:
        ConfigError: Naming the key, what this machine has, and what to give instead.
    """
    check_heeded("A training")
    _check_ours(settings.trainer)
    _check_launch(settings, launched())
    _check_divided(settings)
    _check_targets(settings)
    _check_logger(settings.logger)
    check_accelerator(settings.trainer)


def check_classifier(settings: Settings, what: str) -> None:
    """Refuse another task for ``what`` works on classifiers, as the user knows it.

    Raises:
        ConfigError: If the task is another one.
    """
    if settings.task != "classification":
        raise ConfigError(
            f"{what} works on classifiers.",
            expected="task=classification",
            found=f"task={settings.task}",
        )


def check_one_device(settings: Settings, what: str) -> None:
    """Refuse several devices for what trains on one.

    Args:
        settings: The configuration.
        what: What trains, in words.

    Raises:
        ConfigError: If several are asked for.
    """
    launch = launched()
    if launch is not None:
        raise ConfigError(
            f"{what} trains on one device.",
            expected=f"one process, without {launch.by}",
            found=f"{launch.world} processes",
        )
    if _given(settings.trainer) not in (1, "auto"):
        raise ConfigError(
            f"{what} trains on one device.",
            expected="trainer.devices=1",
            found=f"trainer.devices={settings.trainer.devices}",
        )


def _given(trainer: Trainer) -> int | str:
    """Return how many devices are asked for, of one machine."""
    return len(trainer.devices) if isinstance(trainer.devices, tuple) else trainer.devices


def _check_launch(settings: Settings, launch: Launch | None) -> None:
    """Refuse what does not go with the processes that a launcher started, or needs one."""
    machines = settings.trainer.more.get("num_nodes", 1)
    if launch is None:
        if machines != 1:
            raise ConfigError(
                f"One process cannot train on {machines} machines.",
                expected="on each of them  torchrun --nnodes=N --nproc_per_node=DEVICES …, or srun",
                found=f"trainer.num_nodes={machines} in a process that neither started",
                remedy="see docs/scale.md, and leave out trainer.num_nodes: the launcher says it",
            )
        return
    if not launch.local_world:
        raise ConfigError(
            "There are not as many processes on each machine.",
            expected="--nproc_per_node=N of each torchrun, or --ntasks-per-node=N, the same of all",
            found=f"{launch.world} processes in all",
        )
    asked = {
        "trainer.devices": (_given(settings.trainer), (1, "auto", launch.local_world)),
        "trainer.num_nodes": (machines, (1, launch.machines)),
        "parallel": (settings.parallel, (1, "auto")),
    }
    for name, (given, right) in asked.items():
        if given not in right:
            raise ConfigError(
                f"{name}={given} does not go with what {launch.by} started.",
                expected=" or ".join(f"{name}={value}" for value in dict.fromkeys(right)),
                found=f"{launch.world} processes, {launch.local_world} on each machine",
                remedy=f"leave out {name}: one model is trained by all processes, a device each",
            )


def _check_divided(settings: Settings) -> None:
    """Refuse what several devices cannot divide among them."""
    launch = launched()
    count = launch.world if launch else _given(settings.trainer)
    if count == 1:
        return
    if isinstance(count, int) and settings.data.batch_size < 2 * count:
        raise ConfigError(
            f"A batch of {settings.data.batch_size} images cannot be divided among {count} devices.",
            expected=f"data.batch_size of {2 * count} or more: it is that of the whole batch",
            found=f"data.batch_size={settings.data.batch_size}, {count} devices",
        )
    undivided = {
        "task=autoencoder": settings.task == "autoencoder",
        "optimizer=lbfgs": settings.optimizer.arguments.get("name") == "lbfgs",
        "trainer.accelerator=mps": settings.trainer.accelerator == "mps",
    }
    for given, holds in undivided.items():
        if holds:
            check_one_device(settings, given)


def _check_ours(trainer: Trainer) -> None:
    """Refuse options of Lightning's trainer that medcnn decides itself."""
    for name in sorted(set(OURS) & set(trainer.more)):
        raise ConfigError(
            f"trainer.{name} is not the user's to choose.",
            expected=OURS[name],
            found=f"trainer.{name}={trainer.more[name]}",
            remedy=f"leave out trainer.{name}",
        )


def check_accelerator(trainer: Trainer) -> None:
    """Refuse an accelerator or a device that this machine has not, by Lightning's own word."""
    launch = launched()
    devices = 1 if trainer.devices == "auto" else as_plain(trainer.devices)
    if launch is not None and devices == 1:
        devices = launch.local_world
    on_any_cpu = trainer.accelerator == "cpu" and isinstance(devices, int)
    is_default = trainer.accelerator == "auto" and trainer.devices in (1, "auto") and not launch
    if (on_any_cpu or is_default) and not trainer.more:
        return
    import torch
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from pytorch_lightning import Trainer as Lightning

    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    _check_names(set(trainer.more), set(inspect.signature(Lightning).parameters))
    try:
        Lightning(
            accelerator=trainer.accelerator,
            devices=devices,
            plugins=[LightningEnvironment()],  # what a launcher says is not looked at
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            barebones=False,
        )
    except Exception as error:
        gpus = torch.cuda.device_count()
        raise ConfigError(
            f"This machine cannot train on trainer.accelerator={trainer.accelerator} "
            f"trainer.devices={devices}.",
            expected="trainer.accelerator=auto or cpu"
            + (
                f", or gpu with a device from 0 to {gpus - 1}" if gpus else "; there is no GPU here"
            ),
            found=" ".join(str(error).split())[:200],
            remedy="start one process a GPU; each has to see all GPUs of its machine"
            if launch
            else "give trainer.accelerator=auto trainer.devices=auto",
        ) from error


def _check_names(given: set[str], known: set[str]) -> None:
    for name in sorted(given - known):
        near = difflib.get_close_matches(name, known, n=1)
        raise ConfigError(
            f"Lightning's trainer has no option {name!r}.",
            expected="a keyword of pytorch_lightning.Trainer",
            found=f"trainer.{name}",
            remedy=f"did you mean trainer.{near[0]}?" if near else "leave it out",
        )


def _check_logger(logger: Component) -> None:
    for each in chosen_loggers(logger):
        package = package_of(each)
        if package is not None:
            require_packages((package,), "loggers", f"The logger {each.target.rpartition('.')[2]}")


def _check_targets(settings: Settings) -> None:
    """Refuse code of the user's own that cannot be found, called, or read back from the run."""
    foreign = foreign_targets(as_plain(settings))
    if foreign:
        raise ConfigError(
            "The configuration names code that medcnn does not ship.",
            expected=f"{TRUSTED}=PACKAGE in the environment, for a package of your own",
            found=", ".join(foreign)[:200],
            remedy=f"{TRUSTED}={foreign[0].partition('.')[0]} says that you trust it: every later "
            "command of the run needs it too",
        )
    for name, component in _components(settings):
        if component.target not in shipped_targets():
            _check_call(name, component)


def _components(settings: Settings) -> Iterator[tuple[str, Component]]:
    for name in ("model", "augment", "transfer", "loss", "optimizer", "scheduler", "logger"):
        part = getattr(settings, name)
        if isinstance(part, Component) and part.target:
            yield name, part


def _check_call(name: str, component: Component) -> None:
    from hydra.errors import HydraException
    from hydra.utils import get_method

    try:
        target: Any = get_method(component.target)
    except (HydraException, ImportError, ValueError) as error:
        raise ConfigError(
            f"{name}._target_={component.target} is not there.",
            expected="the full name of a class or function that can be imported",
            found=" ".join(str(error).split())[:200],
            remedy="check the name, and that its package is installed",
        ) from error
    given = dict(component.arguments)
    if name == "optimizer":
        given.pop("rates", None)
    try:
        inspect.signature(target).bind(*LATER.get(name, ()), **given)
    except TypeError as error:
        raise ConfigError(
            f"{component.target} cannot be called with the values of {name}.",
            expected=f"arguments that fit {component.target}{inspect.signature(target)}"[:300],
            found=str(error),
            remedy=f"put a YAML with its own arguments into FOLDER/{name}/NAME.yaml and give "
            f"--config-dir FOLDER {name}=NAME",
        ) from error
