"""The cases whose file is told by its elements alone: ``cases.toml``, one case a line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import partial
from importlib import resources
from typing import Any, Literal

import numpy as np
from pydicom import uid
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement

from medcnn.io.conformance.case import Case
from medcnn.io.conformance.example import RAMP, codestream, file_of, lut_item

# The values 0 to 999 once each, but for an outlier in the place of 999.
_THOUSAND = np.append(np.arange(999, dtype=np.uint16), np.uint16(60000)).reshape(20, 50)
# 0.5% of 1000 pixels is the fifth smallest value, 99.5% the 995th.
_STRETCHED = ((_THOUSAND - 4.0) / 990).clip(0, 1)
_NAMED = {
    "ramp": (RAMP, RAMP / 4096),
    "signed ramp": (RAMP.astype(np.int16) - np.int16(2048), RAMP / 4096),
    "half a ramp": (RAMP[:8], RAMP / 4096),
    "thousand": (_THOUSAND, _STRETCHED),
}


def cases_of(part: str) -> tuple[Case, ...]:
    """Return the cases of a part of the table, in its order."""
    table = tomllib.loads(resources.files(__package__).joinpath("cases.toml").read_text("utf-8"))
    return tuple(_case(table["like"].get(row.pop("like", ""), {}) | row) for row in table[part])


def _case(row: dict[str, Any]) -> Case:
    elements = {key: row.pop(key) for key in list(row) if key[0].isupper()}
    stored, pixels, kind = row.pop("stored"), row.pop("pixels", None), row.pop("type", "u2")
    if isinstance(stored, str):
        image, pixels = _NAMED[stored][0], _NAMED[stored][1].ravel().tolist()
    else:
        image = np.array([stored]).astype(kind)
    syntax, vrs = getattr(uid, row.pop("syntax", "ExplicitVRLittleEndian")), row.pop("vr", {})
    made = {key: _element(key, value, vrs, syntax) for key, value in elements.items()}
    made |= dict.fromkeys(row.pop("without", ())) | {"bits": row.pop("bits", 12)}
    frames = [codestream(row.pop("frame"))] if "frame" in row else []
    make = partial(file_of, image, syntax=syntax, frames=frames, **made)
    return Case(row.pop("case"), make=make, pixels=pixels, **row)


def _element(keyword: str, value: Any, vrs: Mapping[str, str], syntax: uid.UID) -> Any:
    """Return what ``image_dataset`` takes for a value of the table: numbers and texts as they are."""
    vr = vrs.get(keyword) or dictionary_VR(keyword)
    if vr == "SQ":
        order: Literal["<", ">"] = "<" if syntax.is_little_endian else ">"
        return [lut_item(item["LUTDescriptor"], item.get("LUTData"), order) for item in value]
    if vr in ("OF", "OD"):
        return np.array(value, "<f4" if vr == "OF" else "<f8").tobytes()
    if vr.startswith("O"):
        value = bytes.fromhex(value)
    return DataElement(keyword, vr, value) if keyword in vrs else value
