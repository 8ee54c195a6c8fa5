"""``medcnn explain``: heat maps of a run, their measures, and the section of its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig

from medcnn.console import say, warn
from medcnn.errors import ConfigError, DataError
from medcnn.evaluation.results import read_results
from medcnn.explanations.settings import Explain, check_explain
from medcnn.inference.device import choose_device
from medcnn.inference.settings import run_settings
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.overlays import overlay, write_pictures
from medcnn.reporting.report import write_report
from medcnn.reporting.summary import show_estimate
from medcnn.reporting.wording import Wording
from medcnn.run.directory import RunDir, write_json
from medcnn.settings.composition import plain
from medcnn.settings.grammar import written
from medcnn.settings.reading import read

FOLDER = "explanations"
_SHOWN = ("pointing_game", "mass_in_lesion", "above_random")
_LARGE = ("curves", "images")


def run(cfg: DictConfig) -> dict[str, Any]:
    """Explain a run, write ``explanations.json``, the figures and the report; return the object."""
    asked = check_explain(read(Explain, plain(cfg)))
    device = choose_device(asked.device)
    directory = RunDir.open(asked.run)
    if directory.members:
        raise ConfigError(
            f"{directory.path} is an ensemble, and heat is of one network.",
            expected="a single model",
            found=f"{len(directory.members)} members",
            remedy=f"explain one of them: {written('run', directory.member(0).path)}",
        )
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
    _draw(directory, found["images"], pictures)
    write_json(directory.explanations, found)
    if directory.results.is_file():
        measures = {key: part for key, part in found.items() if key not in _LARGE}
        results = replace(read_results(directory.results), explanations=measures)
        write_json(directory.results, results.to_json())
        write_report(directory, results, language=language)
    else:
        warn(f"{directory.path} is a member without results of its own, and so without a report")
    _announce(found, directory)
    return dict(found)


def _draw(directory: RunDir, images: list[dict[str, Any]], pictures: Sequence[Any]) -> None:
    """Write each picture as a PNG file, and its name into its image's ``figures``."""
    folder = directory.figures / FOLDER
    for old in folder.glob("*.png"):
        old.unlink()
    for number, (image, picture) in enumerate(zip(images, pictures, strict=True), 1):
        drawn = {"image": overlay(picture.pixels, None, picture.mask, picture.marker)}
        for method, heat in picture.heat.items():
            drawn[method] = overlay(picture.pixels, heat, picture.mask, picture.marker)
        names = write_pictures(folder, f"{number:02d}_{picture.image_id}", drawn)
        image["figures"] = {
            what: f"{directory.figures.name}/{FOLDER}/{name}" for what, name in names.items()
        }


def _announce(found: dict[str, Any], directory: RunDir) -> None:
    say("")
    for entry in found["methods"]:
        for key in _SHOWN:
            if key in entry:
                name = f"{entry['method']} {key}".replace("_", " ")
                say(f"{name:40} {show_estimate(Estimate.from_json(entry[key]), found['level'])}")
    for text in found["warnings"]:
        warn(text)
    say(f"heat maps    {directory.figures / FOLDER}")
    say(f"measures     {directory.explanations}")
    if directory.report.is_file():
        say(f"report       {directory.report}")
