"""The heads of a run's members refitted to labelled images of elsewhere, on features that stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from medcnn.adaptation.images import Elsewhere
from medcnn.calibration.local_head import LocalHead, Move, check_enough, fit_head
from medcnn.data.datamodule import XrayDataModule
from medcnn.errors import ConfigError
from medcnn.inference.loading import read_checkpoint
from medcnn.inference.runs import Panel
from medcnn.run.directory import RunDir, atomic_path

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
PREFIX = "network.linear."


@dataclass(frozen=True)
class Heads:
    """Labelled cases as the heads of M members see them.

    Attributes:
        panel: The members, and what makes one answer of theirs.
        features: Of each member, V×N×D.
        label: Of the cases, N.
        patients: Whose they are, N.
        seed: Of the folds.
    """

    panel: Panel
    features: tuple[Floats, ...]
    label: npt.NDArray[np.int64]
    patients: npt.NDArray[np.str_]
    seed: int

    @classmethod
    def of(
        cls, panel: Panel, images: Elsewhere, labelled: Rows, batch_size: int, seed: int
    ) -> Heads:
        """Return labelled images as the heads see them.

        Raises:
            ConfigError: If the run is looked at with dropout, whose heads see other features each time.
            DataError: If the cases of a class are too few.
        """
        rows = images.manifest.table[labelled]
        label = rows["label"].to_numpy(np.int64)
        check_enough(label)
        if panel.predictor.passes.mc_samples:
            raise ConfigError(
                "The head of a run with stochastic passes is not refitted.",
                expected="a run with mc_samples: 0 for adapt.head=true",
                found=f"mc_samples: {panel.predictor.passes.mc_samples}",
                remedy="leave adapt.head out: calibrator and threshold are fitted all the same",
            )
        chosen = images.manifest.with_table(rows.assign(split="test"))
        half = max(batch_size // 2, 1)  # loaders double it where nothing is trained
        data = XrayDataModule(chosen, images.cache, augment=None, batch_size=half)
        parts = [panel.predictor.features(batch["image"]) for batch in data.loader("test")]
        features = tuple(np.concatenate(each, axis=1) for each in zip(*parts, strict=True))
        return cls(panel, features, label, rows["patient_id"].to_numpy(str), seed)

    def fit(self, inside: Rows | None = None) -> list[LocalHead]:
        """Return the head of each member, fitted to some of the cases or to all."""
        chosen = np.ones(len(self.label), dtype=np.bool_) if inside is None else inside
        return [
            fit_head(
                member.calibrator,
                each.mean(axis=0)[chosen],
                _said(member.network.linear, each).mean(axis=0)[chosen],
                self.label[chosen],
                self.patients[chosen].tolist(),
                self.seed,
            )
            for member, each in zip(self.panel.predictor.members, self.features, strict=True)
        ]

    def learn(self, inside: Rows) -> tuple[Floats, Floats]:
        """Return the logits of cases by heads fitted to them, out of fold, and those of the others."""
        heads = self.fit(inside)
        pairs = zip(heads, self.features, strict=True)
        outside = self._columns([head.move.of(each[:, ~inside]) for head, each in pairs], ~inside)
        found = (self.out_of_fold(heads, inside), outside)
        fitted, others = (each["logit"].to_numpy(np.float64) for each in found)
        return fitted, others

    def out_of_fold(self, heads: Sequence[LocalHead], inside: Rows | None = None) -> pd.DataFrame:
        """Return what the panel says of the cases, each by heads that did not see its patient."""
        rows = np.ones(len(self.label), dtype=np.bool_) if inside is None else inside
        pairs = zip(heads, self.features, strict=True)
        return self._columns([head.out_of_fold(each[:, rows]) for head, each in pairs], rows)

    def _columns(self, added: Sequence[Floats], rows: Rows) -> pd.DataFrame:
        members = self.panel.predictor.members
        moved = [
            _said(member.network.linear, each[:, rows]) + more
            for member, each, more in zip(members, self.features, added, strict=True)
        ]
        return self.panel.columns(np.stack(moved)[:, :, None])


def _said(linear: torch.nn.Linear, features_VND: Floats) -> Floats:
    """Return what a head says of features, V×N."""
    weight = linear.weight.detach().cpu().double().numpy()[0]
    return np.asarray(features_VND @ weight + float(linear.bias.detach()))


def write_heads(target: RunDir, heads: Sequence[LocalHead]) -> None:
    """Leave the heads in the checkpoints of the new run."""
    for place, head in zip(target.members or [target], heads, strict=True):
        _write(place, head.move)


def _write(place: RunDir, move: Move) -> None:
    checkpoint = read_checkpoint(place.best_checkpoint)
    state = dict(checkpoint["state_dict"])
    added = {"weight": torch.from_numpy(move.weights)[None], "bias": torch.tensor([move.offset])}
    for name, more in added.items():
        old = state[PREFIX + name]
        state[PREFIX + name] = (old.double() + more).to(old.dtype)
    checkpoint["state_dict"] = state
    with atomic_path(place.best_checkpoint) as temporary:
        torch.save(checkpoint, temporary)
