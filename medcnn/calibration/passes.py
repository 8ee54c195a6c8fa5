"""What goes into an answer: members, views of the image, stochastic passes."""

from __future__ import annotations

from dataclasses import dataclass

from medcnn.calibration.combination import MERGES, VOTES
from medcnn.errors import ConfigError, unknown_name

MOST_SAMPLES = 10_000


@dataclass(frozen=True)
class Passes:
    """How often, and in what forms, an image passes through the members.

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
        if self.vote not in VOTES:
            raise unknown_name("vote", self.vote, VOTES)
        if self.merge not in MERGES:
            raise unknown_name("merge of views", self.merge, MERGES)
        if type(self.mc_samples) is not int or not 0 <= self.mc_samples <= MOST_SAMPLES:
            raise ConfigError(
                f"mc_samples cannot be {self.mc_samples!r}.",
                expected=f"a whole number from 0 to {MOST_SAMPLES}",
            )

    @property
    def single(self) -> bool:
        """Whether one pass of the image itself through each member is all."""
        return self.tta == "none" and not self.mc_samples
