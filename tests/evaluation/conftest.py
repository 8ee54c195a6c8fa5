"""Seeded predictions of two models and readers on the same cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medcnn.predictions import check_predictions


def predictions(n: int = 300, images: int = 1, seed: int = 0) -> pd.DataFrame:
    """Return n rows, a third of them ``val``, each patient with ``images`` images in two studies."""
    rng = np.random.default_rng(seed)
    patient = np.arange(n) // images
    label = (rng.random(patient[-1] + 1) < 0.4).astype(int)[patient]
    logit = rng.normal(size=n) + rng.normal(size=patient[-1] + 1)[patient] + 2 * label - 1
    table = pd.DataFrame(
        {
            "image_id": [f"i{row:04d}" for row in range(n)],
            "patient_id": [f"p{row:04d}" for row in patient],
            "study_id": [f"s{row // max(1, images // 2):04d}" for row in range(n)],
            "label": label,
            "p_abnormal": 1 / (1 + np.exp(-logit)),
            "split": np.where(patient < (patient[-1] + 1) // 3, "val", "test"),
            "sex": rng.choice(["F", "M"], patient[-1] + 1)[patient],
            "age": rng.integers(18, 95, patient[-1] + 1)[patient],
        }
    )
    return check_predictions(table)


def other_model(table: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """Return another model's predictions of the same cases, like the first but noisier."""
    logit = np.log(table["p_abnormal"] / (1 - table["p_abnormal"]))
    noisy = logit + np.random.default_rng(seed).normal(scale=1.2, size=len(table))
    return table.assign(p_abnormal=1 / (1 + np.exp(-noisy)))


@pytest.fixture
def table() -> pd.DataFrame:
    return predictions()


@pytest.fixture
def several() -> pd.DataFrame:
    """Four images a patient, two a study."""
    return predictions(480, images=4, seed=2)


@pytest.fixture
def second(table: pd.DataFrame) -> pd.DataFrame:
    return other_model(table)


@pytest.fixture
def second_several(several: pd.DataFrame) -> pd.DataFrame:
    return other_model(several)


@pytest.fixture
def readers(table: pd.DataFrame) -> pd.DataFrame:
    """Two readers of the test cases; the second leaves every fifth unread."""
    rng = np.random.default_rng(9)
    test = table[table["split"] == "test"]
    wrong = {name: rng.random(len(test)) < share for name, share in (("Ada", 0.1), ("Ben", 0.3))}
    decided = pd.DataFrame(
        {name: np.abs(test["label"].to_numpy() - flip) for name, flip in wrong.items()},
        index=pd.Index(test["image_id"], name="image_id"),
        dtype=float,
    )
    decided.loc[decided.index[::5], "Ben"] = np.nan
    return decided
