"""What of a run's settings its predictions need, for as long as the run is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medcnn.calibration.settings import Safeguards
from medcnn.data.settings import SEED, Data
from medcnn.metrics.rules import parse_rule
from medcnn.models.settings import Model, Transfer
from medcnn.run.directory import RunDir
from medcnn.run.settings import read_settings
from medcnn.settings.fields import inline, setting
from medcnn.settings.reading import read

Vote = Literal["soft", "logit", "hard", "rank", "weighted", "greedy", "stacked"]
ViewList = Literal[
    "none", "light", "rotations", "scales", "shifts", "exposure", "crops", "flips", "full"
]
Merge = Literal["mean", "geometric", "max", "weighted"]


@dataclass(frozen=True)
class Ensemble:
    """Members, and how they answer as one."""

    members: int = setting(1, "1 is a single model", low=1, high=1000)
    kind: Literal["seeds", "snapshots"] = setting(
        "seeds",
        "seeds: trained one after the other from seed, seed + 1, …; snapshots: each cycle's",
    )
    vote: Vote = setting("soft", "how members answer as one; fitted on val")


@dataclass(frozen=True)
class Dropout:
    """Dropout put into a network that has none."""

    inject: Literal["head", "blocks"] | None = setting(None, "where it is put")
    p: float = setting(0.2, "its probability", above=0, below=1)


@dataclass(frozen=True)
class Views:
    """How often, and in which ways, each image is looked at."""

    tta: ViewList = setting("none", "views of an image")
    tta_merge: Merge = setting("mean", "how views are merged; weighted is fitted on val")
    mc_samples: int = setting(0, "passes with dropout left on", low=0, high=10_000)
    mc: Dropout = setting(Dropout(), "dropout put into a network without")

    @property
    def once(self) -> bool:
        """Whether one pass over the image itself is all."""
        return self.tta == "none" and not self.mc_samples


def _rule(rule: float | str) -> float | str:
    parse_rule(rule)
    return rule


@dataclass(frozen=True)
class RunSettings:
    """What a run is known by once it is trained."""

    name: str = setting("xray", "names the default run directory: outputs/<name>/<date_time>")
    task: Literal["classification", "autoencoder"] = setting(
        "classification", "autoencoder: an encoder from images without labels"
    )
    ensemble: Ensemble = setting(Ensemble(), "several models as one")
    views: Views = inline(Views())
    seed: int = setting(0, "weights, data order, augmentation and dropout follow from it", **SEED)
    threshold: float | str = setting(
        "youden",
        "youden | sensitivity>=0.95 | specificity>=0.90 | … | a number; chosen on val",
        parse=_rule,
    )
    calibration: Literal["temperature", "platt", "isotonic", "beta", "histogram", "none"] = setting(
        "temperature", "of probabilities; fitted on val"
    )
    safeguards: Safeguards = inline(Safeguards(alpha=0.1, refer="10%"))
    out_of_distribution: Literal["mahalanobis", "knn", "energy", "max_probability"] | None = (
        setting("mahalanobis", "what flags foreign images")
    )
    ood_quantile: float = setting(
        0.99, "the share of validation that is not flagged", above=0, below=1
    )
    subgroups: tuple[str, ...] = setting(
        (), "manifest columns to report by, for example [sex,view]"
    )
    language: Literal["en", "de"] = setting("en", "of the report")
    data: Data = setting(Data(), "the images")
    model: Model = setting(Model(), "the network")
    transfer: Transfer = setting(Transfer(), "what of the network trains")


def run_settings(run: RunDir) -> RunSettings:
    """Return what predictions need of a run's configuration; it may be of another version.

    Raises:
        ConfigError: If it is no configuration of medcnn, or names a target that medcnn does not ship.
    """
    return read(RunSettings, read_settings(run), lenient=True)
