"""The settings of a training: the whole tree, and what of it has to fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from omegaconf import DictConfig

from medcnn.data.checks import check_data
from medcnn.errors import ConfigError
from medcnn.inference.device import DEVICES, is_device
from medcnn.inference.settings import RunSettings
from medcnn.losses.names import check_loss
from medcnn.losses.settings import Loss, Robust
from medcnn.models.checks import check_model
from medcnn.run.directory import RunDir
from medcnn.run.settings import read_settings
from medcnn.settings.composition import plain
from medcnn.settings.fields import Component, setting
from medcnn.settings.reading import read

COEFFICIENT = {"low": 0, "high": 1e6}


@dataclass(frozen=True)
class Autoencoder:
    """What is hidden from an encoder that learns from images alone."""

    masking: float = setting(0.5, "hidden share of the image", low=0, high=0.99)
    patch: int = setting(8, "pixels a side of a hidden patch", low=1, high=4096)
    noise: float = setting(0.1, "in standard deviations of the pixels", low=0, high=100)


@dataclass(frozen=True)
class Penalty:
    """What weights cost; biases and norms are exempt."""

    l1: float = setting(
        0.0, "coefficient of the sum of |w|; with l2 the elastic net", **COEFFICIENT
    )
    l2: float = setting(0.0, "coefficient of half the sum of w²", **COEFFICIENT)
    decay: float = setting(
        0.0, "decoupled, of any optimiser: w loses lr·decay of itself at each step", low=0, high=1e3
    )
    max_norm: float | None = setting(
        None, "of the weights into one unit, often 2 to 4", above=0, high=1e6
    )
    exempt: tuple[str, ...] = setting(
        (), "parameters by name, for example [linear.*,backbone.body.layer1.*]"
    )


@dataclass(frozen=True)
class Style:
    """Maps in the style of another image of the batch, in training alone (MixStyle, Zhou 2021)."""

    p: float = setting(
        0.0, "probability that a batch is mixed behind a stage; 0: never", low=0, high=1
    )
    alpha: float = setting(0.1, "of the Beta distribution of the mixing weight", above=0, high=100)
    stages: tuple[str, ...] = setting(
        (), "names of stages, as [layer1,layer2]; []: the second and third, never the last"
    )


@dataclass(frozen=True)
class Optimizer(Component):
    """The optimiser; its class has options of its own beside these."""

    lr: float = setting(1e-3, "the learning rate", above=0, high=1e3)
    weight_decay: float = setting(0.0, "of the optimiser itself", low=0, high=1e3)
    rates: Mapping[str, float] | None = setting(
        None, "factors on lr by name: '{linear.*: 10, backbone.body.layer1.*: 0.1}'"
    )


@dataclass(frozen=True)
class Callbacks:
    """When training stops, and which weights are kept."""

    monitor: Literal["val_auroc", "val_loss"] = setting(
        "val_auroc", "early stopping and the best checkpoint follow it"
    )
    patience: int = setting(
        3, "epochs without improvement before training stops", low=1, high=100_000
    )
    min_delta: float = setting(0.0, "what counts as an improvement", low=0, high=1e6)
    save_every: int | None = setting(
        None, "steps between states to go on from; null: after each epoch", low=1, high=10**9
    )
    ema: float | None = setting(
        None,
        "0.999: exponential average of the weights, validated and kept in their place",
        above=0,
        below=1,
    )
    swa: float | None = setting(
        None, "0.75: mean of the weights from this part of the epochs on (SWA)", low=0, high=0.99
    )
    swa_every: Literal["epoch", "step"] = setting(
        "epoch",
        "the weights that SWA takes the mean of: at the ends of epochs; of all steps (SWAD)",
    )
    swad: float | None = setting(
        None,
        "1.3: mean of all steps in the valley of the validation loss, which ends above so many times "
        "what it began at (SWAD)",
        above=1,
        high=100,
    )
    swad_patience: tuple[int, ...] = setting(
        (3, 6),
        "epochs without a fall of the loss that begin the valley, and of greater loss that end it",
        low=1,
        high=100_000,
        holds=lambda epochs: len(epochs) == 2,
        expected="two numbers of epochs, such as [3,6]",
    )
    bn_batches: int = setting(
        32, "training batches that re-estimate BatchNorm's statistics for SWA", low=1, high=100_000
    )
    population_statistics: bool = setting(
        False, "BatchNorm's statistics anew over the training set before each validation"
    )


def _devices(value: object) -> bool:
    if isinstance(value, tuple):
        return len(set(value)) == len(value) > 0 and min(value) >= 0
    return not isinstance(value, int) or value >= 1


@dataclass(frozen=True)
class Trainer:
    """Where, how long and how precisely is trained."""

    max_epochs: int = setting(10, "epochs at most", low=1, high=100_000)
    accelerator: str = setting("auto", "what is trained on: auto | cpu | gpu | mps")
    devices: Literal["auto"] | int | tuple[int, ...] = setting(
        1,
        "that train together, each with a part of every batch; [1]: the second GPU; auto: all",
        holds=_devices,
        expected="a number of devices, a list of their places such as [0,1], or auto",
    )
    threads: Literal["auto"] | int = setting(
        "auto",
        "of the CPU; auto: one, or all cores where a step is work for them",
        low=1,
        high=4096,
    )
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = setting(
        "auto", "auto: bf16 where the processor has it, else 32 bit; 16-mixed: of a GPU"
    )
    channels_last: bool = setting(True, "the layout of images that convolutions like best")
    gradient_clip_val: float | None = setting(1.0, "greatest norm of the gradient", low=0)
    accumulate_grad_batches: int = setting(1, "batches that make one step", low=1, high=100_000)
    fast_dev_run: bool | int = setting(
        False, "a trial of the machinery: one epoch of 1 batch, or of so many; no result", low=1
    )
    compile: bool = setting(False, "torch.compile: pays on a GPU, did not on CPUs")
    deterministic: bool | Literal["warn"] = setting(
        "warn", "true: refuse what has no deterministic algorithm; warn: say so"
    )
    more: Mapping[str, Any] = setting({}, "further options of Lightning's trainer", rest=True)


@dataclass(frozen=True)
class Settings(RunSettings):
    """Everything that a training follows from."""

    autoencoder: Autoencoder = setting(Autoencoder(), "of task=autoencoder")
    device: str = setting(
        "auto",
        "of the predictions of val and test; auto: where it was trained; cpu | cuda | cuda:1 | mps",
        holds=is_device,
        expected=DEVICES,
    )
    run_dir: str | None = setting(None, "where the run goes; null: outputs/<name>/<date_time>")
    resume: str | None = setting(None, "a run directory to go on with")
    parallel: Literal["auto"] | int = setting(
        "auto",
        "processes for members, folds and trials; auto: as many as pay; 1: one after another",
        low=1,
        high=4096,
    )
    penalty: Penalty = setting(Penalty(), "of weights; biases and norms are exempt")
    mixstyle: Style = setting(Style(), "whether maps are mixed in style")
    augment: Component = setting(Component(), "what is done to training images")
    loss: Loss = setting(Loss(), "what is minimised")
    robust: Robust = setting(Robust(), "whether the worst group counts most")
    optimizer: Optimizer = setting(Optimizer(), "what minimises it")
    scheduler: Component = setting(Component(), "the course of the learning rate")
    trainer: Trainer = setting(Trainer(), "where, how long and how precisely is trained")
    callbacks: Callbacks = setting(Callbacks(), "when training stops, and which weights are kept")
    logger: Component = setting(Component(), "a logger beside metrics.csv")

    @property
    def is_plain(self) -> bool:
        """Whether one model is looked at once."""
        return self.ensemble.members == 1 and self.views.once


Tree = TypeVar("Tree", bound=Settings)


def check(cfg: DictConfig) -> Settings:
    """Return the settings that a composed configuration describes, all of them checked.

    Raises:
        ConfigError: If a value is missing, has the wrong type or is out of its range, or if values
            do not fit together.
        DataError: If ``data.root`` or a file named in the configuration does not exist.
    """
    return checked(read(Settings, plain(cfg)))


def read_begun(run: RunDir) -> Settings:
    """Return the settings that a run was begun with, to go on with it.

    Raises:
        ConfigError: If they are not those of this version, or name foreign code.
    """
    # A run that was begun before there was a choice goes on where it was trained.
    return read(Settings, {"device": "auto", **read_settings(run)})


def settings_of(run: RunDir) -> Settings:
    """Return the settings of a run to look at; what an earlier version did not know is as default."""
    return read(Settings, read_settings(run), lenient=True)


def checked(settings: Tree) -> Tree:
    """Return settings whose values fit together.

    Raises:
        ConfigError: If they do not.
    """
    _check_groups(settings)
    _check_safeguards(settings)
    _check_threshold(settings)
    check_model(settings.model)
    check_loss(settings.loss.arguments)
    check_data(settings.data)
    _check_averages(settings.callbacks)
    _check_snapshots(settings)
    _check_robust(settings)
    _check_compiled(settings)
    if settings.task == "autoencoder":
        _check_autoencoder(settings)
    if settings.data.sources:
        # Where an image comes from is the first thing to ask of a result on several sources.
        return replace(settings, subgroups=tuple(dict.fromkeys((*settings.subgroups, "source"))))
    return settings


def _check_groups(settings: Settings) -> None:
    """Refuse a group of which nothing was chosen."""
    groups = {
        "augment": settings.augment,
        "model": settings.model,
        "transfer": settings.transfer,
        "loss": settings.loss,
        "optimizer": settings.optimizer,
        "scheduler": settings.scheduler,
    }
    for name, component in groups.items():
        if not component:
            raise ConfigError(
                f"{name} has to be one of the {name} options.",
                found=f"{name}={{}}",
                remedy=f"choose {name}=NAME, see --help",
            )


def _check_autoencoder(settings: Settings) -> None:
    """Refuse what an autoencoder would not heed."""
    penalty, cost = settings.penalty, "Its weights cost nothing."
    wanted: list[tuple[str, object, object, str]] = [
        ("callbacks.monitor", settings.callbacks.monitor, "val_loss", "It has no AUROC."),
        (
            "callbacks.swad",
            settings.callbacks.swad,
            None,
            "Its valley is that of a classifier's loss.",
        ),
        ("optimizer.rates", settings.optimizer.rates, None, "It has one rate."),
        ("robust.by", settings.robust.by, (), "It reads no labels, and all images count alike."),
        ("mixstyle.p", settings.mixstyle.p, 0, "Its target is how an image looks."),
        ("penalty.l1", penalty.l1, 0, cost),
        ("penalty.l2", penalty.l2, 0, cost),
        ("penalty.decay", penalty.decay, 0, cost),
        ("penalty.max_norm", penalty.max_norm, None, cost),
    ]
    for key, value, right, reason in wanted:
        if value != right:
            raise ConfigError(
                f"task=autoencoder does not go with {key}={value}. {reason}",
                expected=f"{key}={'null' if right is None else right}",
                found=f"{key}={value}",
                remedy="take experiment=xray_autoencoder, which sets what it needs",
            )


def _check_compiled(settings: Settings) -> None:
    """Refuse to compile a network that draws anew between its stages."""
    if settings.trainer.compile and settings.mixstyle.p:
        raise ConfigError(
            "A compiled network cannot be mixed in style between its stages.",
            expected="trainer.compile=false or mixstyle.p=0",
            found=f"trainer.compile=true mixstyle.p={settings.mixstyle.p:g}",
        )


def _check_robust(settings: Settings) -> None:
    """Refuse groups of images that are mixed with those of other groups."""
    operators = settings.augment.arguments.get("operators") or {}
    mixed = [name for name in ("mixup", "cutmix") if operators.get(name) is not None]
    if settings.robust.by and mixed:
        raise ConfigError(
            "A mixed image is of no group.",
            expected="robust.by, or an augmentation that mixes",
            found=f"robust.by={list(settings.robust.by)} augment.operators.{mixed[0]}",
            remedy=f"set augment.operators.{mixed[0]}=null or robust.by=[]",
        )


def _check_averages(callbacks: Callbacks) -> None:
    """Refuse two averages, and population statistics of one network with an average of several."""
    given = {"ema": callbacks.ema, "swa": callbacks.swa, "swad": callbacks.swad}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) > 1:
        raise ConfigError(
            "One average of the weights is validated and kept, not two.",
            expected="callbacks.ema, callbacks.swa or callbacks.swad",
            found=" ".join(f"callbacks.{name}={value}" for name, value in given.items()),
        )
    if callbacks.population_statistics and given:
        name, value = next(iter(given.items()))
        raise ConfigError(
            "callbacks.population_statistics are of the weights of training, not of their average.",
            expected="callbacks.population_statistics=true without ema, swa and swad",
            found=f"callbacks.{name}={value}",
            remedy="swa and swad estimate them anew; after ema, run medcnn population run=RUN_DIR",
        )


def _check_snapshots(settings: Settings) -> None:
    """Refuse what is validated in place of the weights that snapshots are taken of, or ends early."""
    watch, ensemble = settings.callbacks, settings.ensemble
    names = ("ema", "swa", "swad", "population_statistics")
    given = [name for name in names if getattr(watch, name)]
    if ensemble.kind == "snapshots" and ensemble.members > 1 and given:
        raise ConfigError(
            "A snapshot is of the weights of training, at the end of each cycle.",
            expected=f"callbacks.{given[0]}={'false' if given[0] == names[-1] else 'null'}",
            found=f"ensemble.kind=snapshots callbacks.{given[0]}={getattr(watch, given[0])}",
            remedy="or give ensemble.kind=seeds",
        )


def _check_threshold(settings: Settings) -> None:
    """Refuse a threshold for strangers where there are none."""
    if settings.threshold_on == "out_of_source" and not settings.data.folds_by_source:
        raise ConfigError(
            "threshold.on=out_of_source needs predictions for sources that were not trained on.",
            expected="data.fold=all with data.fold_by=site, acquisition or another column",
            found=f"data.fold={settings.data.fold} data.fold_by={settings.data.fold_by}",
        )


def _check_safeguards(settings: Settings) -> None:
    """Refuse doubt that one model does not have, before hours of training."""
    asked = settings.safeguards
    if asked.refer is None:
        return
    if asked.refer_by == "mutual_information" and settings.is_plain:
        raise ConfigError(
            "refer_by=mutual_information needs several predictions of each image.",
            expected="refer_by=entropy, margin, conformal or distance for one model seen once",
            remedy="or add ensemble.members=5, tta=light or mc_samples=30",
        )
    if asked.refer_by == "distance" and settings.out_of_distribution is None:
        raise ConfigError(
            "refer_by=distance needs the distance from the training images.",
            expected="out_of_distribution=mahalanobis or knn",
            found="out_of_distribution=null",
        )
