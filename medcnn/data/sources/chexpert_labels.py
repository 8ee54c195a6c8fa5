"""The fourteen observations of the CheXpert labeller, as CheXpert and MIMIC-CXR-JPG release them.

Each is 1 (positive), 0 (negative), -1 (uncertain) or blank (not mentioned). Irvin et al., CheXpert:
A Large Chest Radiograph Dataset with Uncertainty Labels and Expert Comparison, AAAI 2019.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.sources.metadata import check_choice

Uncertain = Literal["u_ones", "u_zeros", "u_ignore"]

NO_FINDING, DEVICES = "No Finding", "Support Devices"
PATHOLOGIES = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
)
OBSERVATIONS = (NO_FINDING, *PATHOLOGIES, DEVICES)
POLICIES = {
    "u_ones": "uncertain findings count as present",
    "u_zeros": "uncertain findings count as absent",
    "u_ignore": "images whose only findings are uncertain are left out",
}


def label_observations(table: pd.DataFrame, uncertain: str) -> pd.DataFrame:
    """Return ``label`` (1, 0 or NaN) and ``finding`` for rows of the fourteen observations.

    Any positive pathology is abnormal. ``No Finding`` is normal, with or without devices: the
    labeller sets it where no pathology is positive or uncertain. Rows with uncertain pathologies
    alone go by ``uncertain``; rows that say neither have no label.

    Raises:
        ConfigError: If ``uncertain`` is not a policy.
    """
    check_choice(uncertain, "uncertain", get_args(Uncertain))
    values = table[list(OBSERVATIONS)].apply(pd.to_numeric, errors="coerce")
    pathologies = values[list(PATHOLOGIES)].to_numpy()
    unsure = pathologies == -1
    present = (pathologies == 1) | (unsure & (uncertain == "u_ones"))
    said_normal = (values[NO_FINDING] == 1).to_numpy()
    any_unsure = unsure.any(axis=1)
    normal = said_normal | any_unsure if uncertain == "u_zeros" else said_normal & ~any_unsure
    label = np.where(present.any(axis=1), 1.0, np.where(normal, 0.0, np.nan))
    said = np.column_stack([values[NO_FINDING] == 1, present, values[DEVICES] == 1])
    return pd.DataFrame({"label": label, "finding": _joined(said)}, index=table.index)


def rule(uncertain: str) -> str:
    """Return the label policy in one sentence."""
    return (
        "abnormal if any of the 12 pathologies of the CheXpert labeller is present, normal if No "
        f"Finding is set (devices allowed); {POLICIES[uncertain]}"
    )


def _joined(said: npt.NDArray[np.bool_]) -> list[str]:
    patterns, inverse = np.unique(said, axis=0, return_inverse=True)
    texts = ["|".join(n for n, s in zip(OBSERVATIONS, row, strict=True) if s) for row in patterns]
    return [texts[i] for i in inverse.ravel()]
