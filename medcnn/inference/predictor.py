"""Batches through a trained network, into a Predictions table."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from medcnn.calibration import Calibrator
from medcnn.data.batch import Batch
from medcnn.metrics.uncertainty import binary_entropy


@torch.inference_mode()
def predict_logits(network: nn.Module, batches: Iterable[Batch]) -> pd.DataFrame:
    """Return ``image_id, patient_id, label, logit`` of every image, in 32 bit and evaluation mode.

    Args:
        network: Image N×1×H×W in [0, 1] to logit N.
        batches: The images, in the order that the table shall have.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    parts: list[pd.DataFrame] = []
    for batch in batches:
        logit: Tensor = network(batch["image"].to(device))
        parts.append(
            pd.DataFrame(
                {
                    "image_id": batch["image_id"],
                    "patient_id": batch["patient_id"],
                    "label": batch["label"].numpy().astype(np.int64),
                    "logit": logit.double().cpu().numpy(),
                }
            )
        )
    network.train(was_training)
    return pd.concat(parts, ignore_index=True)


def with_probabilities(logits: pd.DataFrame, split: str, calibrator: Calibrator) -> pd.DataFrame:
    """Return the logits as a Predictions table of ``split``, with entropy of each prediction."""
    p = calibrator.probability(logits["logit"].to_numpy())
    return logits.assign(split=split, p_abnormal=p, entropy=binary_entropy(p))
