"""The model group of a configuration, checked as far as that needs no torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from medcnn.errors import ConfigError, WeightsError, require_packages
from medcnn.models.factory import check_factory
from medcnn.models.names import (
    CUSTOM,
    PUBLISHED,
    TARGETS,
    check_backbone,
    check_published,
    check_size,
    family_of,
)
from medcnn.models.settings import Model
from medcnn.models.xray_cnn_plan import Plan


def check_model(model: Model) -> None:
    """Check a configuration's model; an autoencoder has no backbone.

    Raises:
        ConfigError: If a name is unknown, an option does not fit, or the backbone does not take
            images of the size.
        WeightsError: If the weights named are not there, or none are published.
    """
    name = model.backbone
    if model.target and model.target not in TARGETS:
        raise ConfigError(
            f"model._target_={model.target} builds no run that could be read back.",
            expected=f"model._target_={TARGETS[0]}",
            found=model.target,
            remedy="give model=custom model.factory=PACKAGE:FUNCTION for a network of your own",
        )
    if name is None:
        return
    if name == CUSTOM:
        check_factory(model.factory)
    check_backbone(name)
    check_size(name, model.image_size, model.stem)
    _check_weights(name, model.weights)
    options = model.architecture
    if name == "xray_cnn":
        options.pop("stem", None)
        check_options(name, Plan, options)
        Plan(**options)
    if name == "tiny_resnet":
        check_tiny_resnet(options.get("widths", (1,)), options.get("blocks", 1))


def check_options(
    name: str, constructor: Callable[..., object], options: Mapping[str, object]
) -> None:
    """Raise if an architecture does not take an option.

    Raises:
        ConfigError: Naming the options that it takes.
    """
    known = inspect.signature(constructor).parameters
    strange = sorted(set(options) - set(known))
    if strange:
        open_to = sorted(set(known) - {"image_size", "stem"})
        raise ConfigError(
            f"{name} has no option {strange[0]!r}.",
            expected=", ".join(f"model.{option}" for option in open_to) or "no further options",
            found=f"model.{strange[0]}={options[strange[0]]!r}",
            remedy=f"leave model.{strange[0]} out, or choose model=NAME of the architecture",
        )


def check_tiny_resnet(widths: Sequence[int], blocks: int) -> None:
    """Raise if the sizes make no ``tiny_resnet``.

    Raises:
        ConfigError: If a width or the number of blocks is not a positive whole number.
    """
    if not widths or min(widths) < 1 or blocks < 1:
        raise ConfigError(
            "tiny_resnet cannot be built.",
            expected="widths like [24,48,96] and blocks of at least 1",
            found=f"model.widths={list(widths)} model.blocks={blocks}",
        )


def _check_weights(name: str, weights: str) -> None:
    if weights not in (*PUBLISHED, "none") and not Path(weights).exists():
        raise WeightsError(
            f"There are no weights at {weights}.",
            expected=f"one of none, {', '.join(PUBLISHED)}, or the path of a file or run directory",
            found="no such file",
            remedy="check model.weights",
        )
    if family_of(name) == "xrv" and weights in ("auto", "pretrained"):
        require_packages(("torchxrayvision",), "models", name)
    if weights in ("pretrained", "imagenet"):
        check_published(name, weights)
