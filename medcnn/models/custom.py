"""A network of one's own: what a function of a trusted package returns, behind the one interface.

    # my_package/__init__.py
    def build(image_size: int, width: int = 32) -> torch.nn.Module: ...

    export MEDCNN_TRUSTED_PACKAGES=my_package
    medcnn train model=custom model.factory=my_package:build +model.width=64

What it may return: a ``medcnn.models.stages.Backbone``, with stages of its own; or any module from
N×1×H×W to maps N×C×h×w, which are averaged, or to features N×D. Such a module is one stage.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from medcnn.errors import ConfigError
from medcnn.models.factory import check_factory
from medcnn.models.names import CUSTOM
from medcnn.models.stages import Backbone, GlobalAverage

STAGE = "network"
"""The name of the one stage of a module that has none."""
RETURNS = "a Backbone, or a module from N×1×H×W to maps N×C×h×w or features N×D"


def custom_backbone(factory: str, image_size: int, **options: Any) -> Backbone:
    """Return the network that a factory builds.

    Args:
        factory: ``package.module:function``, of a trusted package.
        image_size: Pixels a side, which the factory is given where it takes it.
        options: Further arguments of the factory.

    Raises:
        ConfigError: If the factory is not trusted, is not there, does not take the options, or returns
            something else than a network.
    """
    build = _found(factory)
    known = inspect.signature(build).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in known.values())
    if takes_all or "image_size" in known:
        options["image_size"] = image_size
    try:
        inspect.signature(build).bind(**options)
    except TypeError as error:
        raise ConfigError(
            f"model.factory={factory} does not take the options of model.",
            expected=f"{factory.partition(':')[2]}{inspect.signature(build)}"[:300],
            found=str(error),
            remedy="give its arguments as +model.NAME=VALUE",
        ) from error
    made = build(**options)
    if isinstance(made, Backbone):
        made.name = CUSTOM
        return made
    return wrapped(made, factory, image_size)


def wrapped(made: Any, factory: str, image_size: int) -> Backbone:
    """Return a module without stages as a backbone of one.

    Raises:
        ConfigError: If it is none, or makes of two images something else than maps or features.
    """
    if not isinstance(made, nn.Module):
        raise _other(factory, type(made).__name__)
    was_training = made.training
    try:
        with torch.no_grad():
            found = made.eval()(torch.zeros(2, 1, image_size, image_size))
    except (RuntimeError, TypeError, ValueError) as error:
        raise _other(factory, f"{type(error).__name__}: {str(error)[:200]}") from error
    made.train(was_training)
    if not isinstance(found, Tensor) or found.ndim not in (2, 4) or len(found) != 2:
        shape = (
            "×".join(map(str, found.shape)) if isinstance(found, Tensor) else type(found).__name__
        )
        raise _other(factory, f"{shape} for 2×1×{image_size}×{image_size}")
    pool = GlobalAverage() if found.ndim == 4 else nn.Identity()
    return Backbone(
        CUSTOM, made, stages=[(STAGE, made)], pool=pool, feature_dim=int(found.shape[1])
    )


def _found(factory: str) -> Callable[..., Any]:
    from hydra.errors import HydraException
    from hydra.utils import get_method

    check_factory(factory)
    try:
        found: Callable[..., Any] = get_method(factory.replace(":", "."))
    except (HydraException, ImportError, ValueError) as error:
        raise ConfigError(
            f"model.factory={factory} is not there.",
            expected="PACKAGE:FUNCTION that can be imported",
            found=" ".join(str(error).split())[:300],
            remedy="check the name, and that its package is installed",
        ) from error
    return found


def _other(factory: str, found: str) -> ConfigError:
    return ConfigError(
        f"model.factory={factory} does not build a network that medcnn can train.",
        expected=RETURNS,
        found=found,
        remedy="return the part before the classifier: medcnn puts one logit behind it",
    )
