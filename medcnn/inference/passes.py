"""The passes that a command asks for, over what the run was trained with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medcnn.augment.views import VIEWS
from medcnn.calibration.passes import Passes
from medcnn.errors import unknown_name
from medcnn.inference.settings import RunSettings, Views


def passes_of(options: Mapping[str, Any], settings: RunSettings | None = None) -> Passes:
    """Return what the options ask for; what they leave null is as the run was trained.

    Args:
        options: ``vote``, ``tta``, ``tta_merge``, ``mc_samples``, ``mc`` and ``seed``.
        settings: The run's own; None where several runs are combined anew.

    Raises:
        ConfigError: If a name is unknown or the number of passes is none.
    """
    vote = settings.ensemble.vote if settings else "soft"
    own = settings.views if settings else Views()

    def choose(name: str, trained: Any) -> Any:
        asked = options.get(name)
        return trained if asked is None else asked

    asked = options.get("mc") or {}
    found = Passes(
        vote=choose("vote", vote),
        tta=choose("tta", own.tta),
        merge=choose("tta_merge", own.tta_merge),
        mc_samples=choose("mc_samples", own.mc_samples),
        inject=asked.get("inject") or own.mc.inject,
        p=float(asked.get("p") or own.mc.p),
        seed=int((settings.seed if settings else 0) or options.get("seed") or 0),
    )
    if found.tta not in VIEWS:
        raise unknown_name("list of views", found.tta, VIEWS)
    return found
