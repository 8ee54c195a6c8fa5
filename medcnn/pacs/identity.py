"""What a result says of the model that gave it, and the UIDs that follow from it.

The same image judged by the same model in the same way is the same object: its UIDs are version 5 UUIDs
(RFC 9562, PS3.5 B.2) of the image, the model and the kind of object, whoever makes it and when.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.uid import UID

from medcnn.metrics.thresholds import Threshold
from medcnn.version import __version__

_NAMESPACE = uuid.UUID("6f3f5c0e-2f0b-5c86-9a34-0d1c7a4be5a1")


@dataclass(frozen=True)
class Judge:
    """The model behind a result.

    Attributes:
        name: Of the run.
        checkpoints: The hash of each member.
        threshold: The operating point, its rule and where it was chosen.
        digest: Of everything that a decision follows from: members, their judgement, the detector of
            foreign images, passes and safeguards.
        interval: How the interval of a probability was made, in words; empty where there is none.
    """

    name: str
    checkpoints: tuple[str, ...]
    threshold: Threshold
    digest: str
    interval: str = ""

    @property
    def device_uid(self) -> UID:
        """The UID of the model as an observer."""
        return uid_of(self.digest, "device")

    @property
    def parameters(self) -> list[str]:
        """What the model was and how it decided, one line each."""
        at = self.threshold
        lines = [f"checkpoint sha256 {each}" for each in self.checkpoints]
        lines.append(f"threshold {at.value:.6g}, rule {at.rule}, chosen on {at.chosen_on}")
        return [*lines, f"interval {self.interval}"] if self.interval else lines


def digest_of(facts: Mapping[str, object]) -> str:
    """Return a hash of plain values, the same for the same values; this version of medcnn is in it."""
    text = json.dumps({**facts, "medcnn": __version__}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def uid_of(*parts: str) -> UID:
    """Return the UID that belongs to ``parts``."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(parts)).int}")
