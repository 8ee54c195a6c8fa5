"""The judgement of a run: how logits become one probability and a decision, as ``judgement.json``.

It is fitted on validation and stands in every run and in every member of an ensemble. Whoever needs
a run's threshold or calibrator takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.combination import Combination
from medcnn.calibration.passes import Passes
from medcnn.errors import DataError, UserError
from medcnn.files.plain import as_object, read_object
from medcnn.files.records import Saved, fields_from_json
from medcnn.metrics.thresholds import Threshold
from medcnn.run.directory import write_json


@dataclass(frozen=True)
class Judgement(Saved):
    """What is fitted on validation for a set of members seen in certain passes.

    Attributes:
        passes: Through which the members see an image.
        combination: Of the members.
        merges: Of each member's views; None takes the greatest.
        calibrator: Of the combined logit; of one member seen once that is the network's own.
        threshold: The frozen operating point.
        notes: What a reader has to know of how it was fitted.
        alone: Of the same model seen once, where this one is of several passes: what its single
            logits mean before they are merged. None where it is that already, and for an ensemble,
            whose members have judgements of their own.
    """

    passes: Passes
    combination: Combination
    merges: tuple[Combination | None, ...]
    calibrator: Calibrator
    threshold: Threshold
    notes: tuple[str, ...] = ()
    alone: Judgement | None = None

    @classmethod
    def of_one(cls, calibrator: Calibrator, threshold: Threshold) -> Judgement:
        """Return the judgement of one member seen once, where there is nothing to combine."""
        return cls(Passes(), Combination(), (Combination(),), calibrator, threshold)

    @classmethod
    def from_json(cls, recorded: object, place: str = "judgement") -> Judgement:
        """Return what ``to_json`` wrote, or an earlier version, which said ``ways`` for ``passes``.

        Raises:
            UserError: If a part is missing, is of another kind, or was changed.
        """
        facts = as_object(recorded, "judgement")
        if "ways" in facts:
            facts = {**facts, "passes": facts["ways"]}
        found = fields_from_json(cls, facts, place)
        if not 0 <= found.threshold.value <= 1:
            raise DataError(f"{place} has a threshold of {found.threshold.value!r}.")
        return found

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> Judgement:
        """Return what ``save`` wrote.

        Raises:
            DataError: If the file is not such a record.
        """
        remedy = "restore it, or train again"
        facts = read_object(path, what="judgement", remedy=remedy)
        try:
            return cls.from_json(facts)
        except UserError as error:
            raise DataError(
                f"{path} cannot be read.",
                expected="what training wrote of how members, views and passes are combined",
                found=error.problem,
                remedy=remedy,
            ) from error
