"""Transfer: what of a pretrained network trains, and how fast.

Which policy suits depends on how much data there is and how alike it is to that of the pretraining
(the quadrants of cs231n, Stanford):

    | data            | very similar                    | very different                          |
    |-----------------|---------------------------------|-----------------------------------------|
    | very little     | linear classifier on the top    | linear classifiers from several stages  |
    | quite a lot     | fine-tune a few layers          | fine-tune a larger number of layers     |
"""

from __future__ import annotations

from typing import Any

from medcnn.errors import ConfigError
from medcnn.models.classifier import Classifier, truncate
from medcnn.models.freezing import decay_groups, freeze_in_place, freeze_up_to
from medcnn.models.weights import WeightsOrigin

LITTLE_DATA = 1000
"""Training images below which the quadrants speak of very little data."""


class Full:
    """Every parameter trains."""

    def setup(self, model: Classifier, n_train: int, weights_origin: WeightsOrigin) -> str:
        """Freeze what is frozen in the first epoch and say so.

        Args:
            model: The classifier.
            n_train: Number of training images.
            weights_origin: Where its weights come from.
        """
        self.shape(model)
        self.apply(model, epoch=0)
        return f"{self.describe(model)}, on {n_train} images, from {weights_origin.loaded} weights"

    def shape(self, model: Classifier) -> None:
        """Change the network to what the policy trains; most leave it as it is."""

    def describe(self, model: Classifier) -> str:
        """Return the policy in words."""
        return "full: all parameters train"

    def trained(self, model: Classifier, epoch: int) -> list[str]:
        """Return the stages that train in an epoch; the head always does."""
        return [name for name, _ in model.stages]

    def apply(self, model: Classifier, epoch: int) -> None:
        """Freeze what the epoch freezes: a function of the epoch alone, so a resumed run agrees."""
        freeze_up_to(model, self.trained(model, epoch))

    def on_epoch(self, model: Classifier, epoch: int) -> bool:
        """Change what trains at the start of an epoch; return whether anything changed."""
        before = [parameter.requires_grad for parameter in model.parameters()]
        self.apply(model, epoch)
        return before != [parameter.requires_grad for parameter in model.parameters()]

    def keep_frozen(self, model: Classifier) -> None:
        """Put the frozen parts back into evaluation."""
        freeze_in_place(model)

    def factors(self, model: Classifier) -> dict[str, float]:
        """Return the factor on the learning rate by stage; stages left out have 1."""
        return {}

    def parameter_groups(
        self, model: Classifier, lr: float, weight_decay: float
    ) -> list[dict[str, Any]]:
        """Return the trainable parameters in groups, with and without weight decay."""
        return decay_groups(model, lr, weight_decay, factors=self.factors(model))


class LastK(Full):
    """The last stages and the head train.

    Args:
        k: How many stages; 0 is a linear probe.
    """

    def __init__(self, k: int = 1) -> None:
        self.k = k

    def describe(self, model: Classifier) -> str:
        """Return the policy in words."""
        names = self.trained(model, 0)
        return f"last {self.k}: the head and {', '.join(names) or 'no stage'} train"

    def trained(self, model: Classifier, epoch: int) -> list[str]:
        """Return the last k stages.

        Raises:
            ConfigError: If the network has fewer stages.
        """
        names = [name for name, _ in model.stages]
        if self.k > len(names):
            raise ConfigError(
                f"{model.backbone.name} has {len(names)} stages, not {self.k}.",
                expected=f"transfer.k up to {len(names)}: {', '.join(names)}",
                found=f"transfer.k={self.k}",
            )
        return names[len(names) - self.k :]


class LastStage(LastK):
    """The last stage and the head train."""

    def __init__(self) -> None:
        super().__init__(k=1)


class LinearProbe(LastK):
    """Only the head trains, on the features of a frozen backbone.

    Args:
        stage: The stage whose maps, averaged over the places, are the features; None: the last one,
            pooled as the backbone does it.
    """

    def __init__(self, stage: str | None = None) -> None:
        super().__init__(k=0)
        self.stage = stage

    def shape(self, model: Classifier) -> None:
        """Let the network end after the stage."""
        if self.stage is not None:
            truncate(model, self.stage)

    def describe(self, model: Classifier) -> str:
        """Return the policy in words."""
        where = f", on the features of {self.stage}" if self.stage else ""
        return f"linear probe{where}: the head trains, the backbone is frozen"


class GradualUnfreeze(Full):
    """The head trains first, then one stage more every few epochs, from the last to the first.

    Howard, Ruder, Universal language model fine-tuning, ACL 2018, 3.3.

    Args:
        every: Epochs between one stage and the next.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = every

    def describe(self, model: Classifier) -> str:
        """Return the policy in words."""
        unit = "every epoch" if self.every == 1 else f"every {self.every} epochs"
        return f"gradual unfreezing: the head trains, and one more stage joins {unit}"

    def trained(self, model: Classifier, epoch: int) -> list[str]:
        """Return the stages that have joined by the epoch."""
        names = [name for name, _ in model.stages]
        return names[max(len(names) - epoch // self.every, 0) :]


class LayerwiseDecay(Full):
    """Every parameter trains, the slower the nearer to the input.

    The rate of a stage is ``decay`` times that of the next one (Howard, Ruder 2018, 3.1; Bao et al.,
    BEiT, ICLR 2022).

    Args:
        decay: In (0, 1].
    """

    def __init__(self, decay: float = 0.7) -> None:
        self.decay = decay

    def describe(self, model: Classifier) -> str:
        """Return the policy in words."""
        first = model.stages[0][0]
        return f"layer-wise decay: rates fall by {self.decay:g} a stage towards {first}"

    def factors(self, model: Classifier) -> dict[str, float]:
        """Return decay to the power of the distance from the head."""
        names = [name for name, _ in model.stages]
        return {name: self.decay ** (len(names) - place) for place, name in enumerate(names)}


class Auto(Full):
    """The policy of the quadrant that the data and the weights lie in; it says why.

    Weights trained on chest X-rays (TorchXRayVision's) count as very similar, and so do those of a
    run or a file, whose images are not known; ImageNet's count as very different, and random ones
    leave nothing to transfer.

    Args:
        little: Number of training images below which there is very little data.
    """

    def __init__(self, little: int = LITTLE_DATA) -> None:
        self.little = little
        self.chosen: Full = Full()

    def setup(self, model: Classifier, n_train: int, weights_origin: WeightsOrigin) -> str:
        """Choose the policy, freeze what it freezes, and return the reason."""
        self.chosen, reason = choose(model, n_train, weights_origin.loaded, little=self.little)
        return f"auto: {reason}: {self.chosen.setup(model, n_train, weights_origin)}"

    def trained(self, model: Classifier, epoch: int) -> list[str]:
        """Return what the chosen policy trains."""
        return self.chosen.trained(model, epoch)

    def factors(self, model: Classifier) -> dict[str, float]:
        """Return the chosen policy's factors."""
        return self.chosen.factors(model)


_ORIGINS = {
    "chest": "chest X-rays, very similar",
    "file": "a run or file of one's own, taken as very similar",
    "imagenet": "photographs, very different",
}


def choose(
    model: Classifier, n_train: int, loaded: str, *, little: int = LITTLE_DATA
) -> tuple[Full, str]:
    """Return the policy of the quadrant, and why.

    Args:
        model: The classifier; half its stages is what "a larger number of layers" means.
        n_train: Number of training images.
        loaded: ``imagenet``, ``chest``, ``file`` or ``random``.
        little: Number of training images below which there is very little data.
    """
    if loaded == "random":
        return Full(), "random weights leave nothing to keep"
    origin = _ORIGINS[loaded]
    alike = loaded != "imagenet"
    amount = f"{n_train} images are {'very little' if n_train < little else 'quite a lot of'} data"
    reason = f"{amount} and the weights come from {origin}"
    if n_train < little:
        return (LinearProbe() if alike else LastStage()), reason
    return (LastK(min(2, len(model.stages))) if alike else LayerwiseDecay()), reason
