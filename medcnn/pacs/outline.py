"""The outline of the hottest region as a presentation state, which a viewer draws over the image.

A presentation state replaces the image's own grey scale (PS3.3 A.33.1), so that it has to repeat it:
rescaling, window, LUTs, polarity and the shape of the pixels. highdicom repeats neither polarity, nor
modality LUTs, nor pixels that are not square; that is done here.
"""

from __future__ import annotations

import copy

import cv2
import numpy as np
import numpy.typing as npt
from highdicom import pr
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medcnn.io.elements import UNREADABLE, items, numbers, text
from medcnn.io.photometric import photometric_name
from medcnn.pacs.heat import Heat
from medcnn.pacs.identity import Judge, uid_of
from medcnn.pacs.report import MAKER
from medcnn.pacs.source import CHARACTERS, Source, keep_body_part, stamp
from medcnn.version import __version__

KIND = "outline"
LEVEL = 0.5
"""Of the hottest place: what is outlined."""
SERIES_NUMBER = 9903
_LONGEST = 512
"""Places of the longer side between which an outline is told, whatever the size of the image."""
_LAYER = "MEDCNN_HEAT"
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")

Polygon = npt.NDArray[np.float64]
"""Closed: points × (column, row) of the image, where its top left corner is 0, 0 (PS3.3 C.10.5)."""


def outlines(heat_SS: Heat, rows: int, columns: int) -> list[Polygon]:
    """Return the polygons around what is at least half as hot as the hottest place.

    Args:
        heat_SS: Over the whole image, whatever its shape.
        rows: Of the image.
        columns: Of the image.
    """
    if min(rows, columns) < 2:
        return []  # DICOM cannot say what to display of it (PS3.3 C.10.4)
    scale = _LONGEST / max(rows, columns)
    high, wide = max(round(rows * scale), 1), max(round(columns * scale), 1)
    heat = cv2.resize(heat_SS, (wide, high), interpolation=cv2.INTER_LINEAR)
    inside = (heat >= LEVEL).astype(np.uint8)
    found = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    polygons = []
    for contour in found:
        points = contour[:, 0, :].astype(np.float64) + 0.5
        points *= (columns / wide, rows / high)
        if len(points) > 2:
            polygons.append(np.vstack([points, points[:1]]))
    return polygons


def build_outline(source: Source, polygons: list[Polygon], method: str, judge: Judge) -> Dataset:
    """Return the presentation state that draws the polygons over the image.

    Args:
        source: The image.
        polygons: At least one, in its pixels.
        method: That the heat is from.
        judge: The model that it is of.
    """
    image = copy.copy(source.reference)
    image.SamplesPerPixel = 1
    layer = pr.GraphicLayer(_LAYER, 1, description=f"{method}, not for diagnosis")
    shapes = [
        pr.GraphicObject(
            graphic_type=pr.GraphicTypeValues.POLYLINE,
            graphic_data=polygon,
            units=pr.AnnotationUnitsValues.PIXEL,
        )
        for polygon in polygons
    ]
    annotation = pr.GraphicAnnotation([image], layer, graphic_objects=shapes)
    state = pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[image],
        series_instance_uid=uid_of(source.uid, judge.digest, KIND, method, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_of(source.uid, judge.digest, KIND, method),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=judge.name,
        software_versions=__version__,
        device_serial_number=judge.digest[:16],
        content_label=_LAYER,
        content_description=f"{method}: not for diagnosis",
        series_description=f"medcnn {method} outline: not for diagnosis",
        graphic_annotations=[annotation],
        graphic_layers=[layer],
        specific_character_set=CHARACTERS,
    )
    _keep_greyscale(state, source.header)
    _keep_shape(state, source.header)
    keep_body_part(state, source)
    stamp(state, source.moment)
    return state


def _keep_greyscale(state: Dataset, header: Dataset) -> None:
    if photometric_name(text(header, "PhotometricInterpretation")) == "MONOCHROME1":
        state.PresentationLUTShape = "INVERSE"
    modality = _luts(header, "ModalityLUTSequence")[:1]
    slope, intercept = numbers(header, "RescaleSlope"), numbers(header, "RescaleIntercept")
    if modality:
        modality[0].ModalityLUTType = text(modality[0], "ModalityLUTType") or "US"
        state.ModalityLUTSequence = Sequence(modality)
    elif np.isfinite([*slope, *intercept]).all() and slope and intercept:
        state.RescaleSlope, state.RescaleIntercept = slope[0], intercept[0]
        state.RescaleType = text(header, "RescaleType") or "US"
    window = _window(header)
    if window is not None:
        state.SoftcopyVOILUTSequence = Sequence([window])


def _window(header: Dataset) -> Dataset | None:
    """Return the image's first window, or its VOI LUT; None where it has neither."""
    item = Dataset()
    centre, width = numbers(header, "WindowCenter")[:1], numbers(header, "WindowWidth")[:1]
    if centre and width and np.isfinite([*centre, *width]).all():
        item.WindowCenter, item.WindowWidth = centre[0], width[0]
        if text(header, "VOILUTFunction"):
            item.VOILUTFunction = text(header, "VOILUTFunction")
        return item
    luts = _luts(header, "VOILUTSequence")[:1]
    if luts:
        item.VOILUTSequence = Sequence(luts)
        return item
    return None


def _luts(header: Dataset, keyword: str) -> list[Dataset]:
    """Return the LUTs of a sequence whole, with representations that need no image to be told."""
    found = []
    try:
        for item in items(header, keyword):
            lut = copy.deepcopy(item)
            descriptor = [int(value) for value in numbers(lut, "LUTDescriptor")]
            lut.add_new("LUTDescriptor", "SS" if min(descriptor) < 0 else "US", descriptor)
            entries = lut.LUTData
            if not isinstance(entries, bytes):
                entries = np.asarray(entries).astype("<u2").tobytes()
            lut.add_new("LUTData", "OW", entries)
            found.append(lut)
    except UNREADABLE:
        return []
    return found


def _keep_shape(state: Dataset, header: Dataset) -> None:
    """Let the pixels be as high and wide as the image says (PS3.3 C.10.4)."""
    (area,) = state.DisplayedAreaSelectionSequence
    area.pop("PixelOriginInterpretation", None)
    for keyword in _SPACINGS:
        spacing = numbers(header, keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            area.pop("PresentationPixelAspectRatio", None)
            area.PresentationPixelSpacing = spacing
            return
    ratio = numbers(header, "PixelAspectRatio")
    if len(ratio) == 2 and min(ratio) >= 1:
        area.PresentationPixelAspectRatio = [int(side) for side in ratio]


def pixel_shape(header: Dataset) -> float:
    """Return how high a pixel is, in its widths; 1 where the header does not say."""
    for keyword in (*_SPACINGS, "PixelAspectRatio"):
        sides = numbers(header, keyword)
        if len(sides) == 2 and min(sides) > 0:
            return sides[0] / sides[1]
    return 1.0
