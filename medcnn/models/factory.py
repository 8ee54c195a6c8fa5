"""The name of a function that builds a network of one's own, checked without importing anything."""

from __future__ import annotations

import importlib.util
import re

from medcnn.errors import ConfigError
from medcnn.run.settings import TRUSTED, foreign_targets


def check_factory(factory: str) -> None:
    """Refuse a factory that is not trusted or whose package is not there; nothing is imported.

    Raises:
        ConfigError: Naming what to set or to install.
    """
    if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", factory) is None:
        raise ConfigError(
            "model=custom needs a factory.",
            expected="model.factory=PACKAGE:FUNCTION, or PACKAGE.MODULE:FUNCTION",
            found=repr(factory) if factory else "none",
            remedy="docs/models.md shows one",
        )
    package = factory.partition(":")[0].partition(".")[0]
    if foreign_targets({"_target_": factory.replace(":", ".")}):
        raise ConfigError(
            f"model.factory={factory} is code that medcnn does not ship.",
            expected=f"{TRUSTED}={package} in the environment",
            found=f"{package}, which was not said to be trusted",
            remedy="set it if the package is your own: every later command of the run needs it too",
        )
    if importlib.util.find_spec(package) is None:
        raise ConfigError(
            f"The package {package} of model.factory={factory} is not installed.",
            expected=f"{package}, to be imported by the Python that runs medcnn",
            found="no such package",
            remedy="pip install it beside medcnn",
        )
