"""The training task: one ``_step`` for train, val and test.

The checkpoint holds plain values and tensors only, so it loads with ``weights_only=True``; what is
learnt after training (temperature, threshold) lies in its buffers.

Dimensions: N images, one channel, H×W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from medcnn.data.batch import Batch
from medcnn.metrics.auroc import auroc_value
from medcnn.models.classifier import Classifier
from medcnn.models.freezing import frozen_prefix, new_groups
from medcnn.models.prefix_memory import PrefixMemory

Mix = Callable[[Tensor, Tensor, np.random.Generator], tuple[Tensor, Tensor]]


class Schedule(Protocol):
    """The factor on the base learning rate at each optimiser step."""

    def factor(self, step: int, total: int) -> float:
        """Return the factor at ``step`` of ``total``."""


class Transfer(Protocol):
    """Which parameters train, and at which rate."""

    def setup(self, model: Classifier, n_train: int, weights_origin: Any) -> str:
        """Freeze what is to be frozen and return the reason as text."""

    def on_epoch(self, model: Classifier, epoch: int) -> bool:
        """Change what trains at the start of an epoch; return whether anything changed."""

    def keep_frozen(self, model: Classifier) -> None:
        """Put frozen layers back into evaluation after ``train()``."""

    def parameter_groups(
        self, model: Classifier, lr: float, weight_decay: float
    ) -> list[dict[str, Any]]:
        """Return the optimiser's parameter groups."""


class XrayClassification(pl.LightningModule):
    """Normal/abnormal classification of chest X-rays.

    Args:
        network: Image to logit.
        loss: ``(logit_N, label_N) -> scalar``.
        optimizer: ``(parameter_groups) -> optimizer``.
        schedule: Learning-rate factors.
        transfer: What trains.
        lr: Base learning rate.
        weight_decay: Decoupled decay of weight matrices (norms and biases are exempt).
        pixel_mean: Mean of the training pixels, in [0, 1].
        pixel_std: Their standard deviation.
        seed: Seed of dropout and mixing, drawn anew for every step, so that a resumed run repeats it.
        channels_last: Whether images are laid out channels-last.
        mix: Mixup and CutMix of a training batch: ``(image, label, generator) -> (image, label)``.
        memory: Keeps what the frozen stages return, where images are not augmented.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self,
        network: Classifier,
        *,
        loss: nn.Module,
        optimizer: Callable[[list[dict[str, Any]]], torch.optim.Optimizer],
        schedule: Schedule,
        transfer: Transfer,
        lr: float,
        weight_decay: float,
        pixel_mean: float,
        pixel_std: float,
        seed: int = 0,
        channels_last: bool = True,
        mix: Mix | None = None,
        memory: PrefixMemory | None = None,
    ) -> None:
        super().__init__()
        self.network, self.loss = network, loss
        self.optimizer_of, self.schedule, self.transfer = optimizer, schedule, transfer
        self.lr, self.weight_decay, self.seed, self.mix = lr, weight_decay, seed, mix
        self.memory = memory
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean))
        self.register_buffer("pixel_std", torch.tensor(pixel_std))
        self.register_buffer("temperature", torch.tensor(1.0, dtype=torch.float64))
        self.register_buffer("threshold", torch.tensor(float("nan"), dtype=torch.float64))
        self._seen: dict[str, list[tuple[Tensor, Tensor, Tensor]]] = {"train": [], "val": []}

    def normalize(self, image_N1HW: Tensor) -> Tensor:
        """Return the images with the training set's mean 0 and standard deviation 1."""
        image = (image_N1HW - self.pixel_mean) / self.pixel_std
        return image.contiguous(memory_format=self.layout)

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the uncalibrated logit of abnormal, N, for images in [0, 1]."""
        logit: Tensor = self.network(self.normalize(image_N1HW))
        return logit

    def _logit(self, batch: Batch) -> Tensor:
        """Return the logits, from the kept output of the frozen stages where there is one."""
        frozen = frozen_prefix(self.network.backbone) if self.memory is not None else []
        if self.memory is None or not frozen:
            return self.forward(batch["image"])
        backbone, last = self.network.backbone, frozen[-1]
        hidden = self.memory.take(
            batch["image_id"],
            batch["image"],
            lambda image: backbone.up_to(last, self.normalize(image)),
        )
        return self.network.head(backbone.from_stage(hidden, after=last))

    def _step(self, batch: Batch, split: str) -> Tensor:
        logit = self._logit(batch).float()
        loss: Tensor = self.loss(logit, batch["label"])
        self._seen[split].append((loss.detach(), logit.detach(), batch["label"]))
        return loss

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the training loss of one batch."""
        if self.mix is not None:
            key = [self.seed, self.current_epoch, batch_index, self.global_rank]
            image, label = self.mix(batch["image"], batch["label"], np.random.default_rng(key))
            batch = {**batch, "image": image, "label": label}
        return self._step(batch, "train")

    def validation_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the validation loss of one batch."""
        return self._step(batch, "val")

    def on_train_epoch_start(self) -> None:
        """Let the transfer policy change what trains."""
        if self.transfer.on_epoch(self.network, self.current_epoch):
            self._admit_parameters()
            if self.memory is not None:
                self.memory.clear()
        self.transfer.keep_frozen(self.network)

    def _admit_parameters(self) -> None:
        """Add what trains from now on to the optimiser, beside the moments of what trained before."""
        groups = self.transfer.parameter_groups(self.network, self.lr, self.weight_decay)
        for optimizer, config in zip(
            self.trainer.optimizers, self.trainer.lr_scheduler_configs, strict=True
        ):
            for group in new_groups(optimizer, groups):
                optimizer.add_param_group({**group, "initial_lr": group["lr"]})
                scheduler = config.scheduler
                if isinstance(scheduler, torch.optim.lr_scheduler.LambdaLR):
                    scheduler.base_lrs.append(group["lr"])
                    scheduler.lr_lambdas.append(scheduler.lr_lambdas[0])

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Freeze as the saved epoch did: the optimiser is built of the groups that were saved."""
        self.transfer.on_epoch(self.network, int(checkpoint["epoch"]))

    def on_train_batch_start(self, batch: Batch, batch_index: int) -> None:
        """Key everything random in the network to the step."""
        key = [self.seed, self.current_epoch, batch_index, self.global_rank]
        torch.manual_seed(np.random.SeedSequence(key).generate_state(1)[0])

    def on_validation_epoch_end(self) -> None:
        """Log loss and AUROC of the epoch: all its training batches are done when it is validated."""
        self._log_epoch("train")
        self._log_epoch("val")

    def _log_epoch(self, split: str) -> None:
        seen, self._seen[split] = self._seen[split], []
        if not seen or self.trainer.sanity_checking:
            return
        sizes = torch.tensor([len(label) for _, _, label in seen], dtype=torch.float64)
        losses = torch.stack([loss for loss, _, _ in seen]).double().cpu()
        self.log(f"{split}_loss", float((losses * sizes).sum() / sizes.sum()), sync_dist=True)
        logit = torch.cat([logit for _, logit, _ in seen]).cpu().numpy()
        label = torch.cat([label for _, _, label in seen]).cpu().numpy()
        ranked = auroc_value((label > 0.5).astype(int), logit) if np.isfinite(logit).all() else None
        if ranked is not None:
            self.log(f"{split}_auroc", ranked, sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the optimiser and its schedule, which moves at every step."""
        groups: Sequence[dict[str, Any]] = self.transfer.parameter_groups(
            self.network, self.lr, self.weight_decay
        )
        optimizer = self.optimizer_of(list(groups))
        total = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: self.schedule.factor(step, total)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }
