"""The explanations of a run as a section of its report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from medcnn.evaluation.explained import (
    CONTROL,
    Explanations,
    MarkerTest,
    Sanity,
    ShownImage,
)
from medcnn.reporting.figures import explanations as figures
from medcnn.reporting.figures.style import to_svg
from medcnn.reporting.tables import Table, measured, table_of, with_interval
from medcnn.reporting.thumbnails import LARGE, jpeg_uri
from medcnn.reporting.wording import Wording

_QUALITY = 80
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
    methods: Table | None
    findings: Table | None
    forgetting: Table | None
    marker: Table | None
    marker_heat: Table | None
    plates: tuple[tuple[str, Markup], ...]
    images: tuple[Shown, ...]


def explanation_section(found: Explanations | None, words: Wording) -> Section | None:
    """Return the section of a run's explanations, or None where they were not made."""
    if found is None:
        return None
    marker, sanity = found.marker, found.sanity
    lead = words(
        "explanations.lead",
        n=words.count(found.n),
        patients=words.count(found.n_patients),
        split=words.name("split", found.split),
        called=words.count(found.called_abnormal),
    )
    alarms = () if marker is None else _alarms(marker, words)
    return Section(
        lead=lead,
        alarms=alarms,
        calm="" if alarms or marker is None else words("explanations.calm"),
        methods=_methods(found, words),
        findings=_findings(found, words),
        forgetting=_forgetting(sanity, words) if sanity else None,
        marker=_marker(marker, words) if marker else None,
        marker_heat=_marker_heat(marker, words) if marker and marker.heat.n else None,
        plates=tuple(_plates(found, words)),
        images=tuple(_shown(image, words) for image in found.images or ()),
    )


def _methods(found: Explanations, words: Wording) -> Table | None:
    places = ("pointing_game", "mass_in_lesion") if found.chance else ()
    rows = [
        (
            words.name("explanation", entry.method),
            entry.stage or "–",
            *(_shares(entry, words, *places)),
            *measured(entry, ("deletion", "insertion"), words),
            words.difference(entry.above_random, points=False) if entry.above_random else "–",
        )
        for entry in found.methods
    ]
    if found.chance:
        by_chance = _shares(found.chance, words, *places)
        rows.append((words("explanations.by_chance"), "–", *by_chance, "–", "–", "–"))
    header = ("method", "stage", *places, "deletion", "insertion", "above_random")
    return _table(header, rows, words)


def _shares(found: object, words: Wording, *names: str) -> list[str]:
    """Return estimates of a record in per cent."""
    return [with_interval("share", getattr(found, name), words) for name in names]


def _table(keys: Sequence[str], rows: Iterable[tuple[str, ...]], words: Wording) -> Table | None:
    return table_of((words(f"explanations.{key}") for key in keys), rows)


def _findings(found: Explanations, words: Wording) -> Table | None:
    by_method = {
        entry.method: entry.by_finding
        for entry in found.methods
        if entry.by_finding and entry.method != CONTROL
    }
    names = (words.name("explanation", method) for method in by_method)
    rows = (
        (
            words.name("finding", same[0].finding),
            words.count(same[0].n),
            *(text for group in same for text in _shares(group, words, "pointing_game")),
        )
        for same in zip(*by_method.values(), strict=True)
    )
    return table_of((words("explanations.finding"), words("table.cases"), *names), rows)


def _forgetting(sanity: Sanity, words: Wording) -> Table | None:
    keys = ("spearman", "ssim")
    rows = (
        (
            words.name("explanation", name),
            *(with_interval(key, getattr(levels, key)[-1], words) for key in keys),
        )
        for name, levels in sanity.methods.items()
        if levels.part
    )
    return _table(("method", *keys), rows, words)


def _marker(marker: MarkerTest, words: Wording) -> Table | None:
    rows = (
        (
            words(f"explanations.{_DONE[name]}"),
            words.count(arm.n),
            words.difference(arm.change, points=False),
            *measured(arm, ("absolute_change",), words),
            *_shares(arm, words, "flipped"),
        )
        for name, arm in ((name, marker.change(name)) for name in _DONE)
    )
    keys = ("what", "images", "change", "absolute_change", "flipped")
    return _table(keys, rows, words)


def _marker_heat(marker: MarkerTest, words: Wording) -> Table | None:
    rows = (
        (words.name("explanation", name), *_shares(entry, words, "heat", "area"))
        for name, entry in marker.heat.methods.items()
    )
    return _table(("method", "heat_on_marker", "area_of_marker"), rows, words)


def _alarms(marker: MarkerTest, words: Wording) -> tuple[str, ...]:
    return tuple(
        words(
            f"explanations.alarm_{name}",
            n=words.count(marker.change(name).n),
            change=words.difference(marker.change(name).change, points=False),
            beside=words.difference(marker.beside.change, points=False),
        )
        for name in marker.evidence
    )


def _plates(found: Explanations, words: Wording) -> list[tuple[str, Markup]]:
    drawn: list[tuple[str, Figure]] = []
    if found.curves is not None:
        drawn.append(("perturbation", figures.perturbation_curves(found.curves, words)))
    if found.sanity is not None:
        drawn.append(("forgetting", figures.forgetting(found.sanity.methods, words)))
    captions = {name: words(f"explanations.caption_{name}") for name, _ in drawn}
    return [(captions[name], to_svg(figure, name, captions[name])) for name, figure in drawn]


def _shown(image: ShownImage, words: Wording) -> Shown:
    finding = " + ".join(words.name("finding", name) for name in image.finding.split("|") if name)
    text = words("explanations.image_p", p=words.number(image.p_abnormal))
    tiles = tuple(
        Tile(words.name("explanation", what), _data_uri(Path(path)))
        for what, path in image.figures.items()
        if Path(path).is_file()
    )
    return Shown(image.image_id, f"{text} · {finding}" if finding else text, tiles)


def _data_uri(path: Path) -> str:
    with Image.open(path) as picture:
        return jpeg_uri(picture.convert("RGB"), LARGE, _QUALITY)
