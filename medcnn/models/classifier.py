"""The classifier: a backbone, dropout, and one logit.

Dimensions: N images, one channel, H×W pixels, D features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from medcnn.errors import ConfigError, WeightsError
from medcnn.models.adaptation import adapt
from medcnn.models.backbones import build_backbone
from medcnn.models.chest_backbones import know_pixels
from medcnn.models.initialization import initialise, unit_variance
from medcnn.models.names import PUBLISHED, TARGETS
from medcnn.models.published import published_weights
from medcnn.models.settings import Model
from medcnn.models.stages import Backbone, Stage
from medcnn.models.truncation import shortened
from medcnn.models.weights import (
    WeightsOrigin,
    checked_hash,
    fall_back,
    load_matching,
    read_wrapped,
)
from medcnn.models.wrapping import without_prefixes
from medcnn.notices import Notice
from medcnn.run.directory import RunDir
from medcnn.run.hashes import checked
from medcnn.settings.grammar import written


class Classifier(nn.Module):
    """Image to the logit of abnormal.

    Args:
        backbone: Image to features.
        dropout: Probability that a feature is dropped before the head, in [0, 1).
        weights_origin: Where the backbone's weights come from.
        init: How random weights are drawn; see ``medcnn.models.initialization``.
        image_size: Pixels a side that the network is built for.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        dropout: float = 0.2,
        weights_origin: WeightsOrigin,
        init: str = "default",
        image_size: int = 224,
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ConfigError(
                f"model.dropout cannot be {dropout!r}.", expected="a number in [0, 1)"
            )
        self.backbone, self.weights_origin, self.init = backbone, weights_origin, init
        self.image_size = image_size
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(backbone.feature_dim, 1)

    @property
    def stages(self) -> list[Stage]:
        """The backbone's stages from input to output, by name."""
        return self.backbone.stages

    def features(self, image_N1HW: Tensor) -> Tensor:
        """Return the pooled features, N×D."""
        features: Tensor = self.backbone(image_N1HW)
        return features

    def head(self, features_ND: Tensor) -> Tensor:
        """Return the logit of abnormal, N."""
        logit: Tensor = self.linear(self.dropout(features_ND))
        return logit.squeeze(-1)

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the logit of abnormal, N."""
        return self.head(self.features(image_N1HW))

    def meet_data(self, mean: float, std: float, sample: Callable[[], Tensor]) -> None:
        """Take in what is known of the training data before training begins.

        Networks with an input range of their own learn how the pixels are standardised, and
        ``init=lsuv`` scales the backbone's random weights by a batch. The head stays as it was drawn:
        pooled features hardly vary between images, and a logit of variance 1 would multiply what
        they have in common into a loss far above ln 2.

        Args:
            mean: Of the training pixels, in [0, 1].
            std: Their standard deviation.
            sample: Returns training images N×1×H×W in [0, 1]; called only where they are needed.
        """
        know_pixels(self, mean, std)
        if self.init == "lsuv" and self.weights_origin.loaded == "random":
            unit_variance(self.backbone, (sample() - mean) / std)


def build_classifier(
    backbone: str,
    *,
    weights: str = "auto",
    dropout: float = 0.2,
    image_size: int = 224,
    stem: str = "auto",
    init: str = "default",
    **options: Any,
) -> Classifier:
    """Return a classifier by the name of its backbone.

    Args:
        backbone: One of ``medcnn.models.names.BACKBONES``.
        weights: ``none``: random. ``pretrained``: those that the backbone's library publishes, or an
            error; ``imagenet``: the same, if they were trained on ImageNet. ``auto``: the published
            ones, or random with a warning. Else the path of a weights file, a checkpoint or a run.
        dropout: Before the head, in [0, 1).
        image_size: Pixels a side; decides ``stem=auto``.
        stem: ``imagenet``, ``small`` (resolution kept, for images up to 64 pixels) or ``auto``.
        init: How random weights are drawn; see ``medcnn.models.initialization``.
        options: What the architecture lets one choose, such as ``widths`` of ``tiny_resnet``.

    Raises:
        WeightsError: If the weights cannot be had or do not fit.
        ConfigError: If a name or value is not known.
    """
    body = build_backbone(backbone, image_size=image_size, stem=stem, **options)
    initialise(body, init)
    origin = _load(body, str(weights), image_size)
    return Classifier(
        body, dropout=dropout, weights_origin=origin, init=init, image_size=image_size
    )


def rebuild(model: Model, stage: str | None = None) -> Classifier:
    """Return the classifier that a run's ``config.yaml`` describes, with random weights.

    Only targets that are listed here are called: a configuration is data, and never code.

    Args:
        model: The group ``model`` of its settings.
        stage: The stage that the network ends after, if it was cut short for a linear probe.

    Raises:
        ConfigError: If the target is none of medcnn's.
    """
    if model.target not in TARGETS:
        raise ConfigError(
            f"The model {model.target!r} is not one that medcnn rebuilds.",
            expected=f"model._target_ {' or '.join(TARGETS)}",
            found=repr(model.target),
            remedy="load a run that medcnn trained",
        )
    network = build_classifier(**{**model.arguments, "weights": "none", "init": "default"})
    if stage is not None:
        truncate(network, stage)
    return network


def truncate(model: Classifier, stage: str) -> None:
    """Let the classifier end after ``stage``, with a new head on the means of its maps.

    Args:
        model: The classifier, changed in place.
        stage: Name of the stage.

    Raises:
        ConfigError: If there is no such stage.
    """
    model.backbone = shortened(model.backbone, stage, model.image_size)
    model.linear = nn.Linear(model.backbone.feature_dim, 1)


def _load(body: Backbone, weights: str, image_size: int) -> WeightsOrigin:
    if weights == "none":
        return WeightsOrigin("none", "random")
    if weights not in PUBLISHED:
        return _load_file(body, weights)
    try:
        state, origin = published_weights(body.name, weights, image_size)
    except WeightsError as error:
        if weights != "auto":
            raise
        return fall_back(body.name, error)
    return load_matching(body.body, adapt(state, body), origin)


def _load_file(body: Backbone, weights: str) -> WeightsOrigin:
    path = Path(weights)
    if path.is_dir():
        run = RunDir(path)
        if run.members:
            raise WeightsError(
                f"{run.path} has several members, and a network starts from one.",
                expected="the run of a single model, or a file of weights",
                found=f"{len(run.members)} members",
                remedy=f"take one of them: {written('model.weights', run.member(0).path)}",
            )
        path = checked(run, run.weights)
    read = read_wrapped(path)
    origin = WeightsOrigin(weights, "file", str(path), checked_hash(path))
    prefix = "network.backbone."
    inner = {
        key[len(prefix) :]: value for key, value in read.state.items() if key.startswith(prefix)
    }
    if inner:
        return load_matching(body, inner, origin)
    found = without_prefixes(read.state, body.body.state_dict())
    under = (*read.under, *found.under)
    adapted = adapt(found.state, body)
    loaded = load_matching(body.body, adapted, origin)
    if not found.under and read.under in ((), ("state_dict",)):
        return loaded
    taken = Notice(
        "tensors_taken",
        source=str(path),
        taken=len(adapted) - len(loaded.unexpected),
        of=len(read.state),
        under=" > ".join(under),
    )
    return replace(loaded, warnings=(*loaded.warnings, taken))
