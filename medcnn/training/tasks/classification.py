"""The training task: one ``_step`` for train, val and test.

The checkpoint holds plain values and tensors only, so it loads with ``weights_only=True``; what is
learnt after training (temperature, threshold) lies in its buffers.

Dimensions: N images, one channel, H×W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from medcnn.augment.normalize import normalize
from medcnn.data.batch import Batch
from medcnn.metrics.auroc import auroc_value
from medcnn.models.classifier import Classifier
from medcnn.models.freezing import frozen_prefix
from medcnn.models.prefix_memory import PrefixMemory
from medcnn.models.transfer import Full
from medcnn.training.distributed import (
    of_all_processes,
    own_rows,
    processes,
    share_thawed,
    whole_batch,
)
from medcnn.training.mixstyle import MixStyle
from medcnn.training.optimizers.named import carry_over, scale_rates
from medcnn.training.optimizers.schedules import Plateau
from medcnn.training.regularizers import Penalty
from medcnn.training.tasks.optimization import (
    Schedule,
    XrayTask,
    check_combination,
    scheduled,
    statistics_kept,
)

Seen = tuple[Tensor, Tensor, Tensor]
"""Loss, logits and labels of one batch, whichever process computed them."""
Mix = Callable[[Tensor, Tensor, np.random.Generator], tuple[Tensor, Tensor]]


class XrayClassification(XrayTask):
    """Normal/abnormal classification of chest X-rays.

    Args:
        network: Image to logit.
        loss: ``(logit_N, label_N) -> scalar``; where batches name groups, ``GroupRobust``.
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
        penalty: What the weights cost.
        rates: Factors on the learning rate by names of parameters of the network.
        monitor: What a plateau is judged by, ``val_auroc`` or ``val_loss``.
        normalization: ``dataset``, ``image``, ``histogram`` or ``local``.
        pixel_shares: For ``histogram``, the share of training pixels at or below each level.
        style: Mixes the maps of training batches in style.
        memory: Keeps what the frozen stages return, where images are not augmented.
    """

    pixel_mean: Tensor
    pixel_std: Tensor
    pixel_shares: Tensor | None

    def __init__(
        self,
        network: Classifier,
        *,
        loss: nn.Module,
        optimizer: Callable[[list[dict[str, Any]]], torch.optim.Optimizer],
        schedule: Schedule,
        transfer: Full,
        lr: float,
        weight_decay: float,
        pixel_mean: float,
        pixel_std: float,
        seed: int = 0,
        channels_last: bool = True,
        mix: Mix | None = None,
        style: MixStyle | None = None,
        memory: PrefixMemory | None = None,
        penalty: Penalty | None = None,
        rates: Mapping[str, float] | None = None,
        monitor: str = "val_auroc",
        normalization: str = "dataset",
        pixel_shares: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.network, self.loss = network, loss
        self.optimizer_of, self.schedule, self.transfer = optimizer, schedule, transfer
        self.lr, self.weight_decay, self.seed, self.mix = lr, weight_decay, seed, mix
        self.memory, self.style = memory, style
        self.penalty, self.rates, self.monitor = penalty or Penalty(), rates or {}, monitor
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        # The weights too: else each convolution lays its filters out anew at every step.
        network.to(memory_format=self.layout)
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean))
        self.register_buffer("pixel_std", torch.tensor(pixel_std))
        self.normalization = normalization
        shares = None if pixel_shares is None else torch.tensor(pixel_shares, dtype=torch.float64)
        self.register_buffer("pixel_shares", shares)
        self.register_buffer("temperature", torch.tensor(1.0, dtype=torch.float64))
        self.register_buffer("threshold", torch.tensor(float("nan"), dtype=torch.float64))
        self._seen: dict[str, list[Seen]] = {"train": [], "val": []}
        self._penalties: list[Tensor] = []
        self._newest = (-1, -1)
        self._plateau: Any = None
        self._plateau_state: dict[str, Any] | None = None

    def normalize(self, image_N1HW: Tensor) -> Tensor:
        """Return the images as the network sees them, in one of four ways."""
        image = normalize(
            image_N1HW, self.normalization, self.pixel_mean, self.pixel_std, self.pixel_shares
        )
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

    def _step(self, batch: Batch, split: str, *, keep: bool = True) -> Tensor:
        logit, label, group = self._logit(batch).float(), batch["label"], batch.get("group")
        if "whole" in batch:
            pair = whole_batch(torch.stack([logit, label.to(logit)], 1), batch["whole"])
            logit, label = pair[:, 0], pair[:, 1].detach()
            group = None if group is None else whole_batch(group, batch["whole"])
        if group is None:
            loss: Tensor = self.loss(logit, label)
        else:
            loss = self.loss(logit, label, group, moves=keep)
        if keep:
            # Of groups too the curves tell the mean over images, which validation is held against.
            seen = loss if group is None else self.loss(logit.detach(), label)
            self._seen[split].append((seen.detach(), logit.detach(), label))
        return loss

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the objective on one batch: the same in all processes that have a part of it.

        Everything random is keyed to the step, so that a resumed run repeats it, and so does an
        optimiser that evaluates the batch several times.
        """
        key = [self.seed, self.current_epoch, batch_index, self.global_rank]
        torch.manual_seed(np.random.SeedSequence(key).generate_state(1)[0])
        if self.mix is not None:
            batch = self._mixed(batch, self.mix, np.random.default_rng([*key[:-1], 0]))
        again = self._newest == (self.current_epoch, batch_index)
        self._newest = (self.current_epoch, batch_index)
        # A stream of its own: what is drawn for mixing depends on nothing else.
        drawn = np.random.default_rng([*key[:-1], 1])
        styled = self.style.batch(drawn, batch.get("whole")) if self.style else nullcontext()
        with styled, statistics_kept(self.network) if again else nullcontext():
            loss = self._step(batch, "train", keep=not again)
        self._check_finite(loss, batch_index)
        penalty = self.penalty.value(self.network)
        if penalty is None:
            return loss
        if not again:
            self._penalties.append(penalty.detach())
        return loss + penalty

    def _mixed(self, batch: Batch, mix: Mix, rng: np.random.Generator) -> Batch:
        """Return the batch after its images, those of other processes too, have met one another."""
        image, label = batch["image"], batch["label"]
        if "whole" in batch:
            image, label = (whole_batch(part, batch["whole"]) for part in (image, label))
        image, label = mix(image, label, rng)
        if "whole" in batch:
            image, label = own_rows(image), own_rows(label)
        return {**batch, "image": image, "label": label}

    def _check_finite(self, loss: Tensor, batch_index: int) -> None:
        # Reading a number off an accelerator halts it, so there only some steps are looked at, and
        # all of them when the epoch is done.
        if not (loss.is_cuda and batch_index % 50) and not torch.isfinite(loss.detach()):
            self.diverge(loss.detach(), "train", batch_index)

    def validation_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the validation loss of one batch."""
        return self._step(batch, "val")

    def on_train_start(self) -> None:
        """Keep frozen layers frozen, also where a resumed epoch starts in its middle."""
        self.transfer.keep_frozen(self.network)

    def on_train_epoch_start(self) -> None:
        """Let the transfer policy change what trains."""
        if self.transfer.on_epoch(self.network, self.current_epoch):
            before = self.trainer.optimizers[0]
            self.trainer.strategy.setup_optimizers(self.trainer)
            carry_over(before, self.trainer.optimizers[0])
            share_thawed(self.trainer)
            if self.memory is not None:
                self.memory.clear()
        self.network.train()  # what is thawed now has been in evaluation mode until now
        self.transfer.keep_frozen(self.network)

    def on_validation_epoch_end(self) -> None:
        """Log loss and AUROC of the epoch: all its training batches are done when it is validated."""
        self._log_epoch("train")
        self._log_epoch("val")
        if self._penalties:
            self.log("penalty", float(torch.stack(self._penalties).mean()))
            self._penalties = []
        score = self.trainer.callback_metrics.get(self.monitor)
        if self._plateau is not None and score is not None and not self.trainer.sanity_checking:
            self._plateau.step(float(score))

    def _log_epoch(self, split: str) -> None:
        seen, self._seen[split] = self._seen[split], []
        if split == "val":
            seen = self._validated(seen)
        if not seen or self.trainer.sanity_checking:
            return
        sizes = torch.tensor([len(label) for _, _, label in seen], dtype=torch.float64)
        losses = torch.stack([loss.cpu() for loss, _, _ in seen]).double()
        broken = torch.nonzero(~torch.isfinite(losses))
        if len(broken):
            self.diverge(losses[broken[0, 0]], split, int(broken[0, 0]))
        self.log(f"{split}_loss", float((losses * sizes).sum() / sizes.sum()))
        logit = torch.cat([logit.cpu() for _, logit, _ in seen]).numpy()
        label = torch.cat([label.cpu() for _, _, label in seen]).numpy()
        ranked = auroc_value((label > 0.5).astype(int), logit)
        if ranked is not None:
            self.log(f"{split}_auroc", ranked)

    def _validated(self, seen: list[Seen]) -> list[Seen]:
        """Return what all processes have seen of validation, without what was seen twice."""
        if processes() == 1:
            return seen
        found = of_all_processes([(one.cpu(), two.cpu(), three.cpu()) for one, two, three in seen])
        # That each takes as many batches, the first are taken again: they stand at the end.
        loader: Any = self.trainer.val_dataloaders
        ends = np.cumsum([len(label) for _, _, label in found])
        return [each for each, end in zip(found, ends, strict=True) if end <= len(loader.dataset)]

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig | torch.optim.Optimizer:
        """Return the optimiser and its schedule, which moves at every step."""
        groups = self.transfer.parameter_groups(self.network, self.lr, self.weight_decay)
        optimizer = self.optimizer_of(scale_rates(groups, self.network, self.rates))
        if isinstance(optimizer, torch.optim.LBFGS):  # it flattens gradients as they lie
            self.network.to(memory_format=torch.contiguous_format)
        check_combination(optimizer, self.trainer)
        self.penalty.attach(optimizer, self.network)
        if isinstance(self.schedule, Plateau):
            mode = "max" if self.monitor == "val_auroc" else "min"
            state = self._plateau.state_dict() if self._plateau else self._plateau_state
            self._plateau = self.schedule.follow(optimizer, mode=mode)
            if state is not None:
                self._plateau.load_state_dict(state)
            return optimizer
        scheduler = scheduled(
            optimizer,
            self.schedule,
            step=self.trainer.global_step,
            total=int(self.trainer.estimated_stepping_batches),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what an interrupted epoch has seen, and where the plateau stands."""
        checkpoint["trained_epoch"] = max(self._newest[0], 0)
        checkpoint["seen"] = [[part.cpu() for part in seen] for seen in self._seen["train"]]
        checkpoint["penalties"] = [penalty.cpu() for penalty in self._penalties]
        checkpoint["plateau"] = self._plateau.state_dict() if self._plateau else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with them, and with what of the network trains in that epoch."""
        self._seen["train"] = [(loss, logit, label) for loss, logit, label in checkpoint["seen"]]
        self._penalties = list(checkpoint["penalties"])
        self._plateau_state = checkpoint["plateau"]
        self._newest = (checkpoint["trained_epoch"], -1)
        self.transfer.on_epoch(self.network, checkpoint["trained_epoch"])
