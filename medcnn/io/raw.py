"""Images FOR PROCESSING: detector values, of which a chest has to be made that looks like one.

Pixel Intensity Relationship and its Sign say how values go with the X-ray that arrived (PS3.3
C.8.11.3.1.2): LIN means proportional to the dose, LOG to its logarithm; sign 1 that lower values mean
less X-ray, so bone is low. Attenuation, which images for presentation show, is minus the logarithm of
the dose (Beer and Lambert). What makers add beside (edges, equalised contrast) is not imitated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from medcnn.io.elements import integer, text
from medcnn.io.lut import Values
from medcnn.io.notes import Note

SOP_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.1.3.1",
)
"""Digital X-Ray, Mammography and Intra-Oral X-Ray Image Storage - For Processing (PS3.4 B.5)."""

_LOGARITHMIC = ("LOG", "LOGARITHMIC")


@dataclass(frozen=True)
class Raw:
    """How raw values go with the dose.

    Attributes:
        is_linear: Whether they are proportional to the dose, not to its logarithm.
        sign: 1 where lower values mean less X-ray, -1 where higher ones do, 0 where nothing says.
    """

    is_linear: bool
    sign: int

    @property
    def note(self) -> Note:
        """What is said of such an image."""
        relation = "LIN" if self.is_linear else "LOG"
        sign = f"Sign {self.sign}" if self.sign else "no Sign"
        return Note(
            "raw",
            f"FOR PROCESSING: raw detector values (Pixel Intensity Relationship {relation}, {sign}), "
            "shown as attenuation",
        )


def read_raw(dataset: Dataset) -> tuple[Raw | None, tuple[Note, ...]]:
    """Return how the values of an image FOR PROCESSING are meant, None for any other image."""
    intent = text(dataset, "PresentationIntentType").upper().replace("_", " ")
    is_raw_class = text(dataset, "SOPClassUID") in SOP_CLASSES
    if intent == "FOR PRESENTATION" and is_raw_class:
        said = "SOP Class FOR PROCESSING with Presentation Intent Type FOR PRESENTATION: the latter"
        return None, (Note("raw", f"{said} is taken"),)
    if intent != "FOR PROCESSING" and not is_raw_class:
        return None, ()
    relation = text(dataset, "PixelIntensityRelationship").upper()
    raw = Raw(is_linear=relation not in _LOGARITHMIC, sign=intensity_sign(dataset))
    return raw, (raw.note,)


def intensity_sign(dataset: Dataset) -> int:
    """Return Pixel Intensity Relationship Sign, 0 where it is absent or none."""
    sign = integer(dataset, "PixelIntensityRelationshipSign")
    return sign if sign in (1, -1) else 0


def attenuation(
    raw: Raw, to_modality: Callable[[Values], Values], values: Values, bits: int
) -> Callable[[Values], Values]:
    """Return what maps stored values to attenuation, for values proportional to the dose.

    Args:
        raw: How the values are meant; without a sign they are taken to grow with the dose.
        to_modality: The modality LUT or rescale.
        values: What it makes of the values of the image.
        bits: Bits stored, up to which values of sign -1 are counted down.
    """
    top = max(2.0**bits - 1, float(values.max()))
    lowest = min(float(values.min()), 0.0)

    def to_attenuation(stored: Values) -> Values:
        found = to_modality(stored)
        dose = found - lowest if raw.sign >= 0 else top - found
        return np.asarray(np.log(top) - np.log(np.maximum(dose, 1.0)))

    return to_attenuation
