"""What a run remembers of home: features of its validation images, and the files it was trained on.

Kept as plain arrays in ``home.npz``, so that a run that was moved away from its images can still tell
whether others are from the population that its threshold was chosen on, and whether it knows a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medcnn.files.arrays import ARCHIVE_ERRORS, read_arrays
from medcnn.files.plain import damaged
from medcnn.run.directory import RunDir, atomic_path
from medcnn.run.hashes import checked

MOST_BYTES = 2**31
MOST = 2000
"""Validation images that are kept, drawn at random from more."""
EXPECTED = "the plain arrays that training left"
REMEDY = "restore it from a copy of the run, or remove the file: shift then cannot be told"


@dataclass(frozen=True)
class Home:
    """The population that a threshold was chosen on.

    Attributes:
        features: Of V validation images through the first member, V×D.
        rows: Their rows in the predictions of validation, V.
        keys: The content keys of the files of training and validation, 16 bytes each.
    """

    features: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]
    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, run: RunDir) -> Home | None:
        """Return what a run kept; None for a run of an earlier version."""
        path = checked(run, run.home)
        return cls.load(path) if path.is_file() else None

    def save(self, path: Path) -> None:
        """Write the arrays, atomically."""
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                features=self.features,
                rows=self.rows,
                keys=np.array(self.keys, dtype="S16"),
            )

    @classmethod
    def load(cls, path: Path) -> Home:
        """Return what ``save`` wrote; no code is unpickled.

        Raises:
            DataError: If the file is damaged.
        """
        arrays = read_arrays(path, most_bytes=MOST_BYTES, expected=EXPECTED, remedy=REMEDY)
        try:
            features = arrays["features"].astype(np.float32)
            rows = arrays["rows"].astype(np.int64)
            if features.ndim != 2 or len(features) != len(rows) or not np.isfinite(features).all():
                raise ValueError(f"features {features.shape} for {rows.shape} rows")
            return cls(features, rows, tuple(arrays["keys"].tolist()))
        except ARCHIVE_ERRORS as error:
            raise damaged(path, "features of home", EXPECTED, error, "", REMEDY) from error


def kept_rows(n: int, seed: int) -> npt.NDArray[np.int64]:
    """Return which of n validation images are kept, in order."""
    chosen = np.random.default_rng(seed).permutation(n)[:MOST]
    return np.sort(chosen).astype(np.int64)
