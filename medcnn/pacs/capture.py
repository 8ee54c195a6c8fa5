"""The heat map as a picture for any viewer: a Secondary Capture that says it is not for diagnosis."""

from __future__ import annotations

import cv2
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from highdicom import CoordinateSystemNames
from highdicom.sc import SCImage
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from medcnn.io.elements import texts
from medcnn.pacs.heat import Heat
from medcnn.pacs.identity import Judge, uid_of
from medcnn.pacs.report import MAKER
from medcnn.pacs.source import CHARACTERS, Source, keep_body_part, stamp
from medcnn.version import __version__

KIND = "heat"
SERIES_NUMBER = 9902
LONGEST = 1024
"""Pixels of the longer side."""
WORDS = "NOT FOR DIAGNOSIS"
_STRENGTH = 0.6
_SHORTEST = 256
_PLAIN = ("L", "F")

Pixels = npt.NDArray[np.float32]
Colours = npt.NDArray[np.uint8]


def draw(pixels_HW: Pixels, heat_SS: Heat, shape: float, words: str) -> Colours:
    """Return the radiograph with heat laid over it and words burned in, in square pixels, RGB.

    Args:
        pixels_HW: In [0, 1].
        heat_SS: In [0, 1], over the whole image.
        shape: How high a pixel is, in its widths.
        words: The second line; the first says that it is not for diagnosis.
    """
    high, wide = pixels_HW.shape[0] * shape, float(pixels_HW.shape[1])
    scale = min(max(_SHORTEST / min(high, wide), 1.0), LONGEST / max(high, wide))
    size = max(round(wide * scale), 1), max(round(high * scale), 1)
    grey = cv2.resize(pixels_HW, size, interpolation=cv2.INTER_AREA)[..., None]
    heat = cv2.resize(heat_SS, size, interpolation=cv2.INTER_LINEAR).clip(0, 1)
    share = (_STRENGTH * heat)[..., None]
    colour = mpl.colormaps["inferno"](heat)[..., :3]
    drawn = np.ascontiguousarray(np.rint(255 * (grey * (1 - share) + colour * share)), np.uint8)
    _burn(drawn, [line for line in (WORDS, words) if line])
    return drawn


def _burn(picture: Colours, lines: list[str]) -> None:
    """Write lines at the top left, white on black, within the width of the picture."""
    font, high = cv2.FONT_HERSHEY_SIMPLEX, 0
    for line in lines:
        (wide, tall), _ = cv2.getTextSize(line, font, 1.0, 1)
        scale = min(0.9 * picture.shape[1] / wide, picture.shape[0] / (25 * tall))
        (wide, tall), below = cv2.getTextSize(line, font, scale, 1)
        step = tall + below + 4
        picture[high : high + step, : wide + 8] = 0
        at = (4, high + tall + 2)
        cv2.putText(picture, line, at, font, scale, (255, 255, 255), 1, cv2.LINE_AA)
        high += step


def build_capture(source: Source, picture: Colours, method: str, judge: Judge) -> Dataset:
    """Return the picture as a Secondary Capture.

    Args:
        source: The image that it is of.
        picture: RGB.
        method: That the heat is from.
        judge: The model that it is of.
    """
    capture = SCImage.from_ref_dataset(
        source.reference,
        picture,
        "RGB",
        8,
        CoordinateSystemNames.PATIENT,
        patient_orientation=_PLAIN,
        series_instance_uid=uid_of(source.uid, judge.digest, KIND, method, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_of(source.uid, judge.digest, KIND, method),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=judge.name,
        software_versions=__version__,
        device_serial_number=judge.digest[:16],
        series_description=f"medcnn {method}: {WORDS.lower()}",
        specific_character_set=CHARACTERS,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_date=source.moment[0],
        content_time=source.moment[1],
    )
    # Which way the patient faces is what the image says, or nothing; highdicom asks for a value.
    seen_from = texts(source.header, "PatientOrientation")
    capture.PatientOrientation = seen_from if len(seen_from) == 2 else []
    capture.ConversionType = "WSD"
    capture.BurnedInAnnotation = "NO"  # nothing that identifies the patient (PS3.3 C.7.6.1)
    capture.DerivationDescription = f"medcnn {judge.name}, {method}, checkpoint {judge.digest[:16]}"
    origin = Dataset()
    origin.ReferencedSOPClassUID = source.reference.SOPClassUID
    origin.ReferencedSOPInstanceUID = source.uid
    capture.SourceImageSequence = Sequence([origin])
    keep_body_part(capture, source)
    stamp(capture, source.moment)
    return capture
