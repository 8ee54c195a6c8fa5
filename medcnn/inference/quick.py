"""Quick answers that decide as the exact ones do.

The quick networks of ``medcnn.inference.acceleration`` answer first. An image whose probability is
within twice the tolerance of a threshold is computed again by the networks as they were trained, so
that no decision differs as long as no probability is off by more than that. The first images and one
of every batch are computed in both ways: where one of these is off by more than the tolerance,
everything is computed exactly from the beginning.

Legend: N images, one channel, H×W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from medcnn.calibration.detector import Detector
from medcnn.errors import DataError, MedcnnError
from medcnn.inference.acceleration import fast_dtype, fast_panel
from medcnn.inference.out_of_distribution import flag_files
from medcnn.inference.runs import Panel
from medcnn.io import Facts

FIRST_LOOK = 16
"""Images at the beginning that are computed in both ways."""

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class TooFarError(Exception):
    """The quick networks are further from the exact ones than they may be."""


class QuickPanel:
    """A panel and its quick twin.

    Args:
        panel: The members as they were trained.
        detector: Of foreign images; None where the run has none.
        exact: Whether there is no quick twin.
        tolerance: By how much a probability may differ.
        dtype: What the twin computes in; None takes what the processor is quick in.

    Attributes:
        fast: The twin; None where everything is computed exactly.
        precision: What the first answer is computed in.
        largest: The largest difference of a probability between the two that was seen.
        given_up: Why there is no twin where one was asked for; empty otherwise.
        warnings: What a reader has to know.

    Raises:
        DataError: If the records of the run do not fit one another.
    """

    def __init__(
        self,
        panel: Panel,
        detector: Detector | None,
        *,
        exact: bool,
        tolerance: float,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.panel, self.detector, self.tolerance = panel, detector, tolerance
        self.fast: Panel | None = None
        self.precision, self.largest = "float32", 0.0
        self.given_up = ""
        self.warnings: list[str] = []
        self._looked = 0
        self._probe()
        if not exact:
            self._quicken(dtype or fast_dtype(panel.predictor.device))

    def answers(
        self, image_N1HW: Tensor, facts: Sequence[Facts], thresholds: Sequence[float]
    ) -> tuple[pd.DataFrame, Flags]:
        """Return the columns of each image, and which of them were computed exactly.

        Args:
            image_N1HW: In [0, 1].
            facts: Of their files.
            thresholds: Near each of them an answer is exact.

        Raises:
            TooFarError: If a quick answer was too far off; there is no quick twin from then on.
        """
        if self.fast is None:
            return self._table(self.panel, image_N1HW, facts), np.ones(len(facts), dtype=bool)
        quick = self._table(self.fast, image_N1HW, facts)
        near = self.is_near(quick["p_abnormal"].to_numpy(np.float64), thresholds)
        exact = self._exactly(near, image_N1HW, facts)
        # Those watched by chance are compared and no more: a row is the same whoever computes it.
        watched = self._exactly(self._watched(len(near)) & ~near, image_N1HW, facts)
        self._compare(quick, exact, watched)
        table = pd.concat([quick[~near], exact]).sort_index() if len(exact) else quick
        return table, near

    def _exactly(self, chosen: Flags, image_N1HW: Tensor, facts: Sequence[Facts]) -> pd.DataFrame:
        """Return the exact columns of the chosen images, by their place."""
        at = np.flatnonzero(chosen)
        if not len(at):
            return pd.DataFrame({"p_abnormal": pd.Series(dtype=np.float64)}, index=at)
        table = self._table(self.panel, image_N1HW[at], [facts[int(row)] for row in at])
        return table.set_index(at)

    def _compare(self, quick: pd.DataFrame, *exact: pd.DataFrame) -> None:
        p = pd.concat([table["p_abnormal"] for table in exact])
        apart = float((p - quick["p_abnormal"].loc[p.index]).abs().max()) if len(p) else 0.0
        if math.isfinite(apart):
            self.largest = max(self.largest, apart)
        if apart > self.tolerance:
            self.give_up(
                f"{self.precision} moved a probability by {apart:.3g}, more than "
                f"tolerance={self.tolerance:g}"
            )
            raise TooFarError

    def is_near(self, p_N: Floats, thresholds: Sequence[float]) -> Flags:
        """Return which probabilities are within twice the tolerance of a threshold; NaN always is."""
        away = np.min([np.abs(p_N - threshold) for threshold in thresholds], axis=0)
        return np.asarray(~(away > 2 * self.tolerance))

    def _quicken(self, dtype: torch.dtype) -> None:
        try:
            self.fast = fast_panel(self.panel, dtype)
            self.precision = str(dtype).removeprefix("torch.")
            self._table(self.fast, _ramp(self.panel.predictor.image_size), None)
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            self.give_up(f"this network does not run in {dtype} ({str(error)[:100]})")

    def give_up(self, reason: str) -> None:
        """Compute everything exactly from now on, and say why."""
        self.given_up = reason
        self.fast, self.precision = None, "float32"
        self.warnings.append(f"{reason}: everything is computed exactly, which takes longer")

    def _watched(self, count: int) -> Flags:
        """Return which of a batch are computed in both ways whatever their probability."""
        index = np.arange(count)
        first = index < FIRST_LOOK - self._looked
        self._looked += count
        return np.asarray(first | (index == self._looked % count))

    @torch.inference_mode()
    def _table(self, panel: Panel, image: Tensor, facts: Sequence[Facts] | None) -> pd.DataFrame:
        """Return the probability of each image, its uncertainty, and the columns of the detector."""
        columns = panel.columns(panel.predictor.logits(image))
        if self.detector is None:
            return columns
        model, features = panel.predictor.members[0], panel.predictor.features_ND
        if facts is None:
            facts = [Facts("array", image.shape[2], image.shape[3], 8, "MONOCHROME2")] * len(image)
        judged, _ = flag_files(model, self.detector, model.calibrator, image, facts, features)
        return columns.join(judged)

    def _probe(self) -> None:
        """Find out before ten thousand files whether the records of the run fit one another."""
        try:
            self._table(self.panel, _ramp(self.panel.predictor.image_size), None)
        except MedcnnError:
            raise
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise DataError(
                "The network, judgement.json and out_of_distribution.npz do not fit one another.",
                expected="the records that one training left",
                found=f"{type(error).__name__}: {str(error)[:200]}",
                remedy="restore the run, or take another",
            ) from error


def _ramp(size: int) -> Tensor:
    return torch.linspace(0.1, 0.9, size).expand(1, 1, size, size).contiguous()
