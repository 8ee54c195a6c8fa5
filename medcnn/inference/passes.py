"""The passes that a command asks for, over what the run was trained with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medcnn.augment.views import VIEWS
from medcnn.calibration.passes import Passes
from medcnn.errors import unknown_name


def passes_of(options: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> Passes:
    """Return what the options ask for; what they leave null is as the run was trained.

    Args:
        options: ``vote``, ``tta``, ``tta_merge``, ``mc_samples``, ``mc`` and ``seed``.
        settings: The run's configuration; None where several runs are combined anew.

    Raises:
        ConfigError: If a name is unknown or the number of passes is none.
    """
    trained = settings or {}
    ensemble = trained.get("ensemble") or {}

    def choose(name: str, own: Any, default: Any) -> Any:
        asked = options.get(name)
        if asked is not None:
            return asked
        return default if own is None else own

    asked, own = options.get("mc") or {}, trained.get("mc") or {}
    found = Passes(
        vote=choose("vote", ensemble.get("vote"), "soft"),
        tta=choose("tta", trained.get("tta"), "none"),
        merge=choose("tta_merge", trained.get("tta_merge"), "mean"),
        mc_samples=choose("mc_samples", trained.get("mc_samples"), 0),
        inject=asked.get("inject") or own.get("inject"),
        p=float(asked.get("p") or own.get("p") or 0.2),
        seed=int(trained.get("seed") or options.get("seed") or 0),
    )
    if found.tta not in VIEWS:
        raise unknown_name("list of views", found.tta, VIEWS)
    return found
