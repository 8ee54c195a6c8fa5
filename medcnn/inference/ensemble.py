"""One predictor for one model or many, one view or many, one pass or many.

An image is decoded and scaled once, whatever the number of members, views and passes; members and
views run one after the other on a batch, which on a CPU is faster than stacking them.

Legend: M members, V views, S stochastic passes, N images, one channel, H×W pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from medcnn.augment.views import views
from medcnn.calibration import fit_calibrator
from medcnn.calibration.combination import CLIP, Combination, fit_combination, fit_merge
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.passes import Passes
from medcnn.data.batch import Batch
from medcnn.inference.counter_random import stream_keys
from medcnn.inference.loading import TrainedModel
from medcnn.inference.mc_dropout import McDropout
from medcnn.metrics.log_odds import log_odds
from medcnn.metrics.thresholds import choose_threshold
from medcnn.metrics.uncertainty import binary_entropy

Array = npt.NDArray[np.float64]


class Predictor:
    """Members, and the passes through them.

    Args:
        members: At least one; they may differ in backbone, image size and normalisation.
        passes: Views and passes.

    Attributes:
        notes: What was put into networks for their stochastic passes, in words.
        features_ND: Of the last batch through the first member, where its passes share them.
    """

    def __init__(self, members: Sequence[TrainedModel], passes: Passes) -> None:
        self.members, self.passes = list(members), passes
        self.views = views(passes.tta)
        self.notes: list[str] = []
        self.features_ND: Tensor | None = None
        self._mc: list[McDropout] = []
        for number, member in enumerate(self.members if passes.mc_samples else ()):
            sampler = McDropout(
                member.network,
                passes.mc_samples,
                inject=passes.inject,
                p=passes.p,
                seed=(passes.seed, number),
            )
            self._mc.append(sampler)
            if sampler.injected and sampler.injected not in self.notes:
                self.notes.append(sampler.injected)

    @property
    def image_size(self) -> int:
        """Pixels a side that images are decoded to: the largest of the members'."""
        return max(member.image_size for member in self.members)

    @torch.inference_mode()
    def probabilities(self, image_N1HW: Tensor) -> Array:
        """Return each member's own calibrated probability for every view and pass, M×V×S×N.

        Args:
            image_N1HW: In [0, 1], at ``image_size``.
        """
        self.features_ND = None
        seen = [view.apply_tensor(image_N1HW) for view in self.views]
        key_N = mask_keys(image_N1HW) if self._mc else torch.zeros(0)
        found = []
        for number, member in enumerate(self.members):
            of_views = [
                self._logits(number, member, image, stream_keys(key_N, view))
                for view, image in enumerate(seen)
            ]
            found.append(member.calibrator.probability(np.stack(of_views)))
        return np.stack(found)

    def _logits(self, number: int, member: TrainedModel, image: Tensor, key_N: Tensor) -> Array:
        image = member.normalize(_resized(image, member.image_size))
        if self._mc:
            sampler = self._mc[number]
            shared = sampler.shared(image)
            logits = sampler.logits(shared, key_N)
            features = shared if sampler.first == "head" else None
        else:
            features = member.network.features(image)
            logits = member.network.head(features)[None]
        if number == 0 and self.features_ND is None:
            self.features_ND = features
        return np.asarray(logits.double().cpu().numpy())

    def through(self, batches: Iterable[Batch]) -> tuple[pd.DataFrame, Array]:
        """Return ``image_id, patient_id, label`` of a loader's images, and M×V×S×N."""
        tables, parts = [], []
        for batch in batches:
            parts.append(self.probabilities(batch["image"]))
            tables.append(
                pd.DataFrame(
                    {
                        "image_id": batch["image_id"],
                        "patient_id": batch["patient_id"],
                        "label": batch["label"].numpy().astype(np.int64),
                    }
                )
            )
        return pd.concat(tables, ignore_index=True), np.concatenate(parts, axis=-1)


def mask_keys(image_N1HW: Tensor) -> Tensor:
    """Return a whole number for each image, int64, which names the masks of its passes.

    It follows from the pixels, in steps of 1/65535, so that an image gets the same masks under any
    name and in any batch and order.
    """
    steps = (image_N1HW.detach().cpu().double() * 65535).round().to(torch.int32).numpy()
    digests = [hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in steps]
    return torch.tensor(
        [int.from_bytes(digest, signed=True) for digest in digests], dtype=torch.int64
    )


def fit_judgement(
    passes: Passes,
    p_MVSN: Array,
    label_N: npt.ArrayLike,
    *,
    calibration: str,
    rule: str | float,
    thresholds: Sequence[float] = (),
) -> Judgement:
    """Fit what combines the members, calibrates the result and decides, on validation.

    Args:
        passes: Of the votes of members, the merges of views.
        p_MVSN: Validation probabilities.
        label_N: 0 normal, 1 abnormal.
        calibration: Name of the calibrator.
        rule: Of the threshold.
        thresholds: Each member's own, for the hard vote.
    """
    label = np.asarray(label_N, dtype=np.int64)
    merges = tuple(fit_merge(passes.merge, p_VSN.mean(1), label) for p_VSN in p_MVSN)
    p_MN = _merged(p_MVSN, merges)
    combination = fit_combination(passes.vote, p_MN, label, thresholds=thresholds)
    combined = log_odds(combination(p_MN), CLIP)
    calibrator = fit_calibrator(calibration, combined, label)
    threshold = choose_threshold(label, calibrator.probability(combined), rule)
    return Judgement(passes, combination, merges, calibrator, threshold)


def judge(p_MVSN: Array, judgement: Judgement) -> pd.DataFrame:
    """Return the columns of the Predictions table that a set of probabilities gives.

    ``entropy`` is that of the mean over members, views and passes, ``expected_entropy`` the mean of
    theirs, and ``mutual_information`` the difference (Depeweg et al., ICML 2018): what members,
    views and passes disagree about. Entropies in nats.
    """
    p_MN = _merged(p_MVSN, judgement.merges)
    combined = log_odds(judgement.combination(p_MN), CLIP)
    p_KN = p_MVSN.reshape(-1, p_MVSN.shape[-1])
    columns = {
        "logit": combined,
        "p_abnormal": judgement.calibrator.probability(combined),
        **decompose(p_KN),
    }
    if p_MVSN.shape[1] > 1:
        columns["tta_std"] = p_MVSN.mean((0, 2)).std(0)
    if len(p_MN) > 1:
        columns |= {f"member_{number}": row for number, row in enumerate(p_MN)}
    return pd.DataFrame(columns)


def decompose(p_KN: Array) -> dict[str, Array]:
    """Return the uncertainty of K probabilities of each case.

    >>> found = decompose(np.array([[0.0], [1.0]]))
    >>> [float(found[name][0]) for name in ("expected_entropy", "std", "variation_ratio")]
    [0.0, 0.5, 0.5]
    >>> float(found["mutual_information"][0]).hex() == float(np.log(2)).hex()
    True
    """
    mean_N = p_KN.mean(0)
    entropy, expected = binary_entropy(mean_N), binary_entropy(p_KN).mean(0)
    found = {"entropy": entropy}
    if len(p_KN) == 1:
        return found
    called = (p_KN >= 0.5).mean(0)
    return found | {
        "expected_entropy": expected,
        "mutual_information": np.clip(entropy - expected, 0.0, None),
        "std": p_KN.std(0),
        "variation_ratio": 1 - np.maximum(called, 1 - called),
    }


def _merged(p_MVSN: Array, merges: Sequence[Combination | None]) -> Array:
    return np.stack(
        [
            p_VSN.mean(1).max(0) if merge is None else merge(p_VSN.mean(1))
            for p_VSN, merge in zip(p_MVSN, merges, strict=True)
        ]
    )


def _resized(image_N1HW: Tensor, size: int) -> Tensor:
    if image_N1HW.shape[-1] == size:
        return image_N1HW
    return nn.functional.interpolate(
        image_N1HW, (size, size), mode="bilinear", align_corners=False, antialias=True
    )
