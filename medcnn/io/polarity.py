"""Air dark and bone bright, whatever a file declares: what it declares against what it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from medcnn.io.appearance import looks_inverted, shows_bright_air, thumbnail
from medcnn.io.greyscale import GreyScale
from medcnn.io.lut import Rescale
from medcnn.io.notes import Note
from medcnn.io.raw import intensity_sign, read_raw


def with_polarity(chosen: GreyScale, dataset: Dataset, sample: npt.NDArray[Any]) -> GreyScale:
    """Return the grey scale of a frontal chest radiograph, turned round where it shows air bright.

    Photometric Interpretation, Pixel Intensity Relationship Sign and the chest itself are three
    witnesses. The chest decides where it is sure (``shows_bright_air``), and where it is against one
    of the others that contradict each other, or there is no other. A note says so.

    Args:
        chosen: The grey scale as declared.
        dataset: The data set.
        sample: A regular subset of the stored values.
    """
    small = thumbnail(chosen(np.ascontiguousarray(sample)))
    raw, _ = read_raw(dataset)
    sign = intensity_sign(dataset)
    is_open = raw is not None and not sign
    contradicts = raw is None and _shows(chosen, sign) is False
    if shows_bright_air(small) or ((is_open or contradicts) and looks_inverted(small)):
        turned = replace(chosen, is_inverted=not chosen.is_inverted)
        return turned if is_open else replace(turned, notes=(*chosen.notes, _note(contradicts)))
    return chosen


def _shows(chosen: GreyScale, sign: int) -> bool | None:
    """Return whether bone is bright by the sign; None where there is none or a table in between."""
    if not sign or not isinstance(chosen.to_modality, Rescale) or chosen.affine is None:
        return None
    return (chosen.affine[0] > 0) == (sign < 0)


def _note(contradicts: bool) -> Note:
    against = "Photometric Interpretation"
    if contradicts:
        against += ", which Pixel Intensity Relationship Sign contradicts"
    return Note("polarity", f"the chest shows air bright under its {against}: it is turned round")
