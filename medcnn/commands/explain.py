"""``medcnn explain``: heat maps of a run, their measures, and the section of its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from medcnn.console import say, warn
from medcnn.errors import DataError
from medcnn.evaluation.explained import Explanations, ShownImage
from medcnn.evaluation.results import read_results
from medcnn.explanations.settings import Explain, check_explain
from medcnn.inference.device import choose_device
from medcnn.inference.settings import run_settings
from medcnn.reporting.overlays import overlay, write_pictures
from medcnn.reporting.report import write_report
from medcnn.reporting.summary import show_estimate
from medcnn.reporting.wording import Wording
from medcnn.run.directory import RunDir, write_json
from medcnn.run.place import check_single
from medcnn.settings.composition import read_config
from medcnn.settings.grammar import written

if TYPE_CHECKING:
    from medcnn.explanations.study import Picture

FOLDER = "explanations"


def run(cfg: DictConfig) -> dict[str, Any]:
    """Explain a run, write ``explanations.json``, the figures and the report; return the object."""
    asked = check_explain(read_config(Explain, cfg))
    device = choose_device(asked.device)
    directory = RunDir.open(asked.run, asked.data.root)
    check_single(directory, ", and heat is of one network", "explain")
    if not directory.predictions("val").is_file():
        raise DataError(
            f"The run {directory.path} is not finished.",
            expected="the predictions of validation, which a training leaves at its end",
            remedy=f"medcnn train {written('resume', directory.path)}",
        )
    language = asked.language or run_settings(directory).language
    Wording(language)
    from medcnn.explanations.study import study  # torch: seconds

    found, pictures = study(directory, asked, say, device)
    found = replace(found, images=_draw(directory, found.images or (), pictures))
    write_json(directory.explanations, found.to_json())
    if directory.results.is_file():
        results = replace(read_results(directory.results), explanations=found.measures())
        write_json(directory.results, results.to_json())
        write_report(directory, results, language=language)
    else:
        warn(f"{directory.path} is a member without results of its own, and so without a report")
    _announce(found, directory)
    return found.to_json()


def _draw(
    directory: RunDir, images: Sequence[ShownImage], pictures: Sequence[Picture]
) -> tuple[ShownImage, ...]:
    """Write each picture as a PNG file, and return the images with the names of theirs."""
    folder = directory.figures / FOLDER
    for old in folder.glob("*.png"):
        old.unlink()
    named = []
    for number, (image, picture) in enumerate(zip(images, pictures, strict=True), 1):
        drawn = {"image": overlay(picture.pixels, None, picture.mask, picture.marker)}
        for method, heat in picture.heat.items():
            drawn[method] = overlay(picture.pixels, heat, picture.mask, picture.marker)
        names = write_pictures(folder, f"{number:02d}_{picture.image_id}", drawn)
        place = f"{directory.figures.name}/{FOLDER}"
        figures = {what: f"{place}/{name}" for what, name in names.items()}
        named.append(replace(image, figures=figures))
    return tuple(named)


def _announce(found: Explanations, directory: RunDir) -> None:
    say("")
    for entry in found.methods:
        for what, estimate in (
            ("pointing game", entry.pointing_game),
            ("mass in lesion", entry.mass_in_lesion),
            ("above random", entry.above_random),
        ):
            if estimate is not None:
                name = f"{entry.method} {what}".replace("_", " ")
                say(f"{name:40} {show_estimate(estimate, found.level)}")
    for text in found.warnings:
        warn(text)
    say(f"heat maps    {directory.figures / FOLDER}")
    say(f"measures     {directory.explanations}")
    if directory.report.is_file():
        say(f"report       {directory.report}")
