"""The passes that a command asks for, over what the run was trained with."""

from __future__ import annotations

from medcnn.calibration.passes import Passes
from medcnn.inference.settings import AskedViews, RunSettings, Views


def passes_of(asked: AskedViews, settings: RunSettings | None = None, seed: int = 0) -> Passes:
    """Return what is asked for; what is null is as the run was trained.

    Args:
        asked: Votes, views and passes.
        settings: The run's own; None where several runs are combined anew.
        seed: Of the passes, where there is no run to take it from.
    """
    own = settings.views if settings else Views()
    vote = asked.vote or (settings.ensemble.vote if settings else "soft")
    return Passes(
        vote=vote,
        tta=asked.tta or own.tta,
        merge=asked.tta_merge or own.tta_merge,
        mc_samples=own.mc_samples if asked.mc_samples is None else asked.mc_samples,
        inject=asked.mc.inject or own.mc.inject,
        p=float(asked.mc.p or own.mc.p),
        seed=(settings.seed if settings else 0) or seed,
    )
