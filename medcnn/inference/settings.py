"""What of a run's settings its predictions need, for as long as the run is used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from loky import cpu_count

from medcnn.calibration.settings import Safeguards
from medcnn.data.settings import SEED, Data, Moved
from medcnn.errors import ConfigError, require_pyarrow
from medcnn.inference.device import DEVICES, is_device
from medcnn.inference.share import Share
from medcnn.metrics.rules import parse_rule
from medcnn.models.settings import Model, Transfer
from medcnn.run.directory import RunDir
from medcnn.run.settings import read_settings
from medcnn.settings.fields import inline, setting
from medcnn.settings.reading import read

DEVICE: dict[str, Any] = {
    "words": "where the network computes; auto: a GPU where there is one | cpu | cuda | cuda:1 | mps",
    "holds": is_device,
    "expected": DEVICES,
}
"""The one setting of this name."""
Split = Literal["train", "val", "test"]
Vote = Literal["soft", "logit", "hard", "rank", "weighted", "greedy", "stacked"]
ViewList = Literal[
    "none", "light", "rotations", "scales", "shifts", "exposure", "crops", "flips", "full"
]
Heat = Literal["grad_cam", "grad_cam_plus_plus", "layer_cam"]
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
        "classification", "what is trained; autoencoder: an encoder from images without labels"
    )
    ensemble: Ensemble = setting(Ensemble(), "several models as one")
    views: Views = inline(Views())
    seed: int = setting(0, "weights, data order, augmentation and dropout follow from it", **SEED)
    threshold: float | str = setting(
        "youden",
        "youden | sensitivity>=0.95 | specificity>=0.90 | … | a number; chosen on val",
        parse=_rule,
    )
    threshold_on: Literal["val", "out_of_source"] = setting(
        "val",
        "what fits threshold and calibrator of folds together; out_of_source: sources not trained on",
    )
    calibration: Literal[
        "auto", "temperature", "platt", "isotonic", "beta", "histogram", "none"
    ] = setting("auto", "of probabilities; fitted on val; auto: temperature, or platt for a shift")
    safeguards: Safeguards = inline(Safeguards(alpha=0.1, refer="10%"))
    out_of_distribution: Literal["mahalanobis", "knn", "energy", "max_probability"] | None = (
        setting("mahalanobis", "what flags foreign images")
    )
    ood_quantile: float = setting(
        0.99, "the share of validation that is not flagged", above=0, below=1
    )
    subgroups: tuple[str, ...] = setting(
        ("auto",), "columns to report by, as [sex,finding]; auto: sex, age, view, site"
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


@dataclass(frozen=True)
class AskedDropout:
    """Dropout put into a network that has none; what is null is as the run was trained."""

    inject: Literal["head", "blocks"] | None = setting(None, "where dropout is put in that is none")
    p: float | None = setting(None, "its probability", above=0, below=1)


@dataclass(frozen=True)
class AskedViews:
    """In which ways an image is looked at; what is null is as the run was trained."""

    vote: Vote | None = setting(None, "how several members answer as one; null: as trained")
    tta: ViewList | None = setting(None, "views of an image; null: as trained")
    tta_merge: Merge | None = setting(None, "how views are merged; null: as trained")
    mc_samples: int | None = setting(
        None, "passes with dropout left on; null: as trained", low=0, high=10_000
    )
    mc: AskedDropout = setting(AskedDropout(), "dropout put into a network without")

    @property
    def as_trained(self) -> bool:
        """Whether nothing else than in training is asked for."""
        return self.mc.inject is None and replace(self, mc=AskedDropout()) == AskedViews()


@dataclass(frozen=True)
class Inference:
    """How images go through the members of a run."""

    views: AskedViews = inline(AskedViews())
    batch_size: int = setting(64, "images that go through the network together", low=1, high=65536)
    device: str = setting("auto", **DEVICE)
    seed: int = setting(0, "of whatever is drawn", **SEED)


MOST_TOLERANCE = 0.2
PREDICTIONS = (".csv", ".parquet")
FEATURES = (".parquet", ".csv")


def _table(path: Path, what: str, suffixes: tuple[str, ...]) -> Path:
    if path.suffix not in suffixes or path.is_dir():
        raise ConfigError(
            f"{what} cannot be written to {path}.",
            expected=f"output=FILE{' or FILE'.join(suffixes)}",
            found="a folder" if path.is_dir() else path.suffix or "no ending",
        )
    if path.suffix == ".parquet":
        require_pyarrow("output=FILE.csv")
    return path


def _part(text: str) -> str:
    return str(Share.parse(text))


@dataclass(frozen=True)
class DicomResults:
    """Results as DICOM objects, beside the table."""

    dicom: Path | None = setting(
        None, "a folder: of each DICOM image a structured report for the archive; null: none"
    )
    heat: Heat | None = setting(
        None,
        "with dicom=: heat map and its outline for viewers; grad_cam | grad_cam_plus_plus | layer_cam",
    )
    keep_identity: bool = setting(
        False,
        "with dicom=: true lets reports name their patients though the run hashes patients",
    )


@dataclass(frozen=True)
class Predict:
    """``medcnn predict``: a file or a folder through runs."""

    run: tuple[str, ...] = setting((), "RUN_DIR, or [RUN_A,RUN_B,…] as one ensemble", required=True)
    input: Path = setting(Path(), "a file or a folder, searched recursively", required=True)
    output: Path = setting(
        Path("predictions.csv"),
        ".csv or .parquet: one row a file, unreadable ones with the reason",
        parse=partial(_table, what="Predictions", suffixes=PREDICTIONS),
    )
    part: str | None = setting(
        None,
        "3/16: the third of sixteen parts, into a file beside OUTPUT; null joins all that are there",
        parse=_part,
    )
    resume: bool = setting(
        True,
        "keep what an earlier, equal prediction of unchanged files left in OUTPUT.ledger; false: anew",
    )
    exact: bool = setting(
        False,
        "32 bit and the network as trained; false: BatchNorm folded, bf16 where native",
    )
    tolerance: float = setting(
        0.02,
        "by how much a probability may differ from the exact one; near the threshold all is exact",
        above=0,
        high=MOST_TOLERANCE,
        expected=f"a difference of probabilities above 0, at most {MOST_TOLERANCE}; for none at all "
        "exact=true",
    )
    num_workers: Literal["auto"] | int = setting(
        "auto", "processes that read files; auto: by the number of cores", low=0, high=256
    )
    results: DicomResults = inline(DicomResults())
    shift: bool = setting(
        False, "say at the end whether the files are from the population of home (medcnn shift)"
    )
    inference: Inference = inline(Inference())
    safeguards: Safeguards = inline(Safeguards())

    @property
    def share(self) -> Share | None:
        """The share of the files that is asked for; None: all."""
        return None if self.part is None else Share.parse(self.part)

    @property
    def workers(self) -> int:
        """Processes that read files; 0 reads in this one."""
        if self.num_workers != "auto":
            return self.num_workers
        cores = int(cpu_count())
        return cores if cores > 1 else 0


@dataclass(frozen=True)
class Features:
    """``medcnn features``: what a trained network sees in each image."""

    run: Path = setting(
        Path(), "RUN_DIR of a classifier, or of an autoencoder's encoder", required=True
    )
    data: Moved = setting(Moved(), "the run's images")
    output: Path = setting(
        Path(),
        "FILE.parquet or FILE.csv: image_id, patient_id, label, split, feature_0, feature_1, …",
        required=True,
        parse=partial(_table, what="Features", suffixes=FEATURES),
    )
    split: Literal["all"] | Split = setting("all", "of the run's own images")
    input: Path | None = setting(None, "a file or a folder instead of the run's own images")
    stage: str | None = setting(
        None,
        "the stage whose maps, averaged over the places, are the features; null: what the head reads",
    )
    batch_size: int = setting(64, "images that go through the network together", low=1, high=65536)
    device: str = setting("auto", **DEVICE)
