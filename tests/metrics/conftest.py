"""The ovarian cancer data of DeLong et al. (1988) and seeded cases."""

from __future__ import annotations

import numpy as np
import pytest

# albumin, total protein, K-G score, benefit of surgery: 43 of the 49 patients with all three tests,
# Biometrics 44 (1988) 837-845, as the SAS/STAT manual reprints them.
OVARIAN = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0
2.3 4.4 6 1 4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1
3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0
3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1
3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
"""


@pytest.fixture(scope="session")
def ovarian() -> dict[str, np.ndarray]:
    """Return label, albumin, total protein and the K-G score, higher for benefit."""
    albumin, protein, score, label = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4).T
    return {"label": label.astype(int), "albumin": albumin, "protein": protein, "kg": 10 - score}


@pytest.fixture
def cases() -> tuple[np.ndarray, np.ndarray]:
    """Return 400 labels and probabilities with many ties."""
    rng = np.random.default_rng(11)
    label = (rng.random(400) < 0.35).astype(int)
    p = 1 / (1 + np.exp(-(rng.normal(size=400) + 1.4 * label - 0.7)))
    return label, np.round(p, 2)
