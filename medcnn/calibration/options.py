"""The safeguards among the options of a command that is not a tree of settings yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medcnn.calibration.settings import Safeguards
from medcnn.settings.reading import read


def read_safeguards(options: Mapping[str, Any]) -> Safeguards:
    """Return the checked safeguards of a command's configuration; absent keys are off.

    Raises:
        ConfigError: If a value cannot be.
    """
    return read(Safeguards, options, lenient=True)
