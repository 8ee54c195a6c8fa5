"""The names of the explanations, known without importing torch."""

from __future__ import annotations

from importlib.util import find_spec

from medcnn.errors import ConfigError, unknown_name
from medcnn.version import how_to_install

CAMS = ("grad_cam", "grad_cam_plus_plus", "layer_cam")
"""Methods that weigh the maps of one stage by their gradients."""

METHODS = (*CAMS, "integrated_gradients", "occlusion", "attention_rollout")

SLOW = ("integrated_gradients", "occlusion")
"""Methods that pass every image dozens of times."""

_LIBRARY = {"integrated_gradients": "captum", "occlusion": "captum"}


def check_method(method: str, stage: str | None = None) -> None:
    """Raise if there is no such explanation, it cannot be had here, or it has no stage to choose.

    Args:
        method: One of ``METHODS``.
        stage: The stage asked for, if any.

    Raises:
        ConfigError: Naming the nearest method, the package to install or the methods with a stage.
    """
    if method not in METHODS:
        raise unknown_name("explanation (method)", method, METHODS)
    if stage is not None and method not in CAMS:
        raise ConfigError(
            f"{method} looks at no single stage.",
            expected=f"stage=null, or one of {', '.join(CAMS)}",
            found=f"method={method} stage={stage}",
        )
    package = missing_library(method)
    if package is not None:
        raise ConfigError(
            f"{method} needs the package {package}.",
            expected=f"{package} installed",
            found="no such package",
            remedy=f"{how_to_install('explain')}, or take method=grad_cam",
        )


def missing_library(method: str) -> str | None:
    """Return the package that a method needs and that is not installed, if there is one."""
    package = _LIBRARY.get(method)
    return package if package is not None and find_spec(package) is None else None
