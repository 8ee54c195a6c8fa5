"""The three knobs of a prediction: members, views, stochastic passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medcnn.augment.views import VIEWS
from medcnn.calibration.combination import MERGES, VOTES
from medcnn.errors import ConfigError, unknown_name

MOST_SAMPLES = 10_000


@dataclass(frozen=True)
class Ways:
    """How an image is looked at.

    Args:
        vote: How members are combined; see ``medcnn.calibration.combination``.
        tta: The list of views; see ``medcnn.augment.views``.
        merge: How views are merged.
        mc_samples: Stochastic passes; 0 is none.
        inject: Where dropout is put in a network that has none: ``head``, ``blocks`` or None.
        p: Probability of dropout that is put in.
        seed: Seed of the stochastic passes.

    Raises:
        ConfigError: If a name is unknown or the number of passes is not a whole number from 0.
    """

    vote: str = "soft"
    tta: str = "none"
    merge: str = "mean"
    mc_samples: int = 0
    inject: str | None = None
    p: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for what, name, known in (
            ("vote", self.vote, VOTES),
            ("list of views", self.tta, VIEWS),
            ("merge of views", self.merge, MERGES),
        ):
            if name not in known:
                raise unknown_name(what, name, known)
        if type(self.mc_samples) is not int or not 0 <= self.mc_samples <= MOST_SAMPLES:
            raise ConfigError(
                f"mc_samples cannot be {self.mc_samples!r}.",
                expected=f"a whole number from 0 to {MOST_SAMPLES}",
            )

    @property
    def plain(self) -> bool:
        """Whether one pass over the image itself is all."""
        return self.tta == "none" and not self.mc_samples


def ways_of(options: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> Ways:
    """Return what the options ask for; what they leave null is as the run was trained.

    Args:
        options: ``vote``, ``tta``, ``tta_merge``, ``mc_samples``, ``mc`` and ``seed``.
        settings: The run's configuration; None where several runs are combined anew.
    """
    trained = settings or {}
    ensemble = trained.get("ensemble") or {}

    def choose(name: str, own: Any, default: Any) -> Any:
        asked = options.get(name)
        if asked is not None:
            return asked
        return default if own is None else own

    asked, own = options.get("mc") or {}, trained.get("mc") or {}
    return Ways(
        vote=choose("vote", ensemble.get("vote"), "soft"),
        tta=choose("tta", trained.get("tta"), "none"),
        merge=choose("tta_merge", trained.get("tta_merge"), "mean"),
        mc_samples=choose("mc_samples", trained.get("mc_samples"), 0),
        inject=asked.get("inject") or own.get("inject"),
        p=float(asked.get("p") or own.get("p") or 0.2),
        seed=int(trained.get("seed") or options.get("seed") or 0),
    )
