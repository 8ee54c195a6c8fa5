"""The explanations of a run as a section of its report."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from medcnn.metrics.estimate import Estimate
from medcnn.reporting.figures import explanations as figures
from medcnn.reporting.figures.style import to_svg
from medcnn.reporting.sections import Table
from medcnn.reporting.tables import with_interval
from medcnn.reporting.wording import Wording

TILE = 224  # pixels a side of a picture in the page
_QUALITY = 80
_SHARE = "share"  # printed in per cent
_DONE = {"removal": "removal", "beside": "beside", "insertion": "burnt_in"}


@dataclass(frozen=True)
class Tile:
    """One picture: what it shows and the data URI of its JPEG."""

    title: str
    picture: str


@dataclass(frozen=True)
class Shown:
    """One image: what is said of it, and its pictures."""

    image_id: str
    text: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Section:
    """The explanations as the template prints them.

    Attributes:
        lead: What was explained.
        alarms: What a reader must not miss; empty where nothing speaks for a shortcut.
        calm: What is said of the marker where there is no alarm; empty where it was not tested.
        methods: The measures of every method.
        findings: The pointing game by finding, or None.
        forgetting: How alike the heat stays, or None.
        marker: What painting over and burning in change, or None.
        marker_heat: How much of the heat lies on the marker, or None.
        plates: Captions and figures, inline SVG.
        images: The images that are shown.
    """

    lead: str
    alarms: tuple[str, ...]
    calm: str
    methods: Table
    findings: Table | None
    forgetting: Table | None
    marker: Table | None
    marker_heat: Table | None
    plates: tuple[tuple[str, Markup], ...]
    images: tuple[Shown, ...]


def explanation_section(found: Mapping[str, Any], words: Wording) -> Section | None:
    """Return the section of a run's explanations, or None where they were not made."""
    if not found:
        return None
    marker, sanity = found["marker"], found["sanity"]
    lead = words(
        "explanations.lead",
        n=words.count(found["n"]),
        patients=words.count(found["n_patients"]),
        split=words.name("split", found["split"]),
        called=words.count(found["called_abnormal"]),
    )
    evidence = tuple((marker or {}).get("evidence", ()))
    return Section(
        lead=lead,
        alarms=tuple(_alarm(name, marker, words) for name in evidence),
        calm="" if evidence or not marker else words("explanations.calm"),
        methods=_methods(found, words),
        findings=_findings(found, words),
        forgetting=_forgetting(sanity, words) if sanity else None,
        marker=_marker(marker, words) if marker else None,
        marker_heat=_marker_heat(marker, words) if marker and marker["heat"]["n"] else None,
        plates=tuple(_plates(found, words)),
        images=tuple(_shown(image, words) for image in found["images"]),
    )


def _methods(found: Mapping[str, Any], words: Wording) -> Table:
    places = ("pointing_game", "mass_in_lesion") if found["with_mask"] else ()
    header = ("method", "stage", *places, "deletion", "insertion", "above_random")
    rows = [
        (
            words.name("explanation", entry["method"]),
            entry["stage"] or "–",
            *(with_interval(_SHARE, _estimate(entry[key]), words) for key in places),
            *(
                with_interval(key, _estimate(entry[key]), words)
                for key in ("deletion", "insertion")
            ),
            words.difference(_estimate(entry["above_random"]), points=False)
            if "above_random" in entry
            else "–",
        )
        for entry in found["methods"]
    ]
    if places:
        by_chance = [
            with_interval(_SHARE, _estimate(found["chance"][key]), words) for key in places
        ]
        rows.append((words("explanations.by_chance"), "–", *by_chance, "–", "–", "–"))
    return Table(tuple(words(f"explanations.{key}") for key in header), tuple(rows))


def _findings(found: Mapping[str, Any], words: Wording) -> Table | None:
    methods = [
        entry
        for entry in found["methods"]
        if entry.get("by_finding") and entry["method"] != figures.CONTROL
    ]
    if not methods:
        return None
    names = tuple(words.name("explanation", entry["method"]) for entry in methods)
    rows = tuple(
        (
            words.name("finding", group["finding"]),
            words.count(group["n"]),
            *(
                with_interval(_SHARE, _estimate(entry["by_finding"][row]["pointing_game"]), words)
                for entry in methods
            ),
        )
        for row, group in enumerate(methods[0]["by_finding"])
    )
    return Table((words("explanations.finding"), words("table.cases"), *names), rows)


def _forgetting(sanity: Mapping[str, Any], words: Wording) -> Table:
    rows = tuple(
        (
            words.name("explanation", name),
            *(
                with_interval(key, _estimate(levels[key][-1]), words)
                for key in ("spearman", "ssim")
            ),
        )
        for name, levels in sanity["methods"].items()
        if levels["part"]
    )
    header = ("method", "spearman", "ssim")
    return Table(tuple(words(f"explanations.{key}") for key in header), rows)


def _marker(marker: Mapping[str, Any], words: Wording) -> Table:
    rows = tuple(
        (
            words(f"explanations.{_DONE[name]}"),
            words.count(marker[name]["n"]),
            words.difference(_estimate(marker[name]["change"]), points=False),
            with_interval("absolute_change", _estimate(marker[name]["absolute_change"]), words),
            with_interval(_SHARE, _estimate(marker[name]["flipped"]), words),
        )
        for name in _DONE
    )
    keys = ("what", "images", "change", "absolute_change", "flipped")
    return Table(tuple(words(f"explanations.{key}") for key in keys), rows)


def _marker_heat(marker: Mapping[str, Any], words: Wording) -> Table:
    rows = tuple(
        (
            words.name("explanation", name),
            *(with_interval(_SHARE, _estimate(entry[key]), words) for key in ("heat", "area")),
        )
        for name, entry in marker["heat"]["methods"].items()
    )
    keys = ("method", "heat_on_marker", "area_of_marker")
    return Table(tuple(words(f"explanations.{key}") for key in keys), rows)


def _alarm(name: str, marker: Mapping[str, Any], words: Wording) -> str:
    return words(
        f"explanations.alarm_{name}",
        n=words.count(marker[name]["n"]),
        change=words.difference(_estimate(marker[name]["change"]), points=False),
        beside=words.difference(_estimate(marker["beside"]["change"]), points=False),
    )


def _plates(found: Mapping[str, Any], words: Wording) -> list[tuple[str, Markup]]:
    drawn: list[tuple[str, Figure]] = [
        ("perturbation", figures.perturbation_curves(found["curves"], words))
    ]
    if found["sanity"]:
        drawn.append(("forgetting", figures.forgetting(found["sanity"]["methods"], words)))
    captions = {name: words(f"explanations.caption_{name}") for name, _ in drawn}
    return [(captions[name], to_svg(figure, name, captions[name])) for name, figure in drawn]


def _shown(image: Mapping[str, Any], words: Wording) -> Shown:
    finding = " + ".join(
        words.name("finding", name) for name in str(image["finding"]).split("|") if name
    )
    text = words("explanations.image_p", p=words.number(image["p_abnormal"]))
    tiles = tuple(
        Tile(words.name("explanation", what), _data_uri(Path(path)))
        for what, path in image["figures"].items()
        if Path(path).is_file()
    )
    return Shown(image["image_id"], f"{text} · {finding}" if finding else text, tiles)


def _estimate(raw: Mapping[str, Any] | None) -> Estimate | None:
    return None if raw is None else Estimate.from_json(raw)


def _data_uri(path: Path) -> str:
    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
