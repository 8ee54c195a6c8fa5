"""The files that ``medcnn explain`` leaves in a run directory, read for its report."""

from __future__ import annotations

from dataclasses import replace

from medcnn.evaluation.explained import Explanations, ShownImage
from medcnn.files.plain import read_object
from medcnn.run.directory import RunDir


def read_explanations(run: RunDir) -> Explanations | None:
    """Return what ``explanations.json`` holds, paths made absolute; None where there is none.

    Raises:
        DataError: If it is damaged.
    """
    path = run.explanations
    if not path.is_file():
        return None
    found = Explanations.from_json(read_object(path), str(path))
    return replace(found, images=tuple(_placed(image, run) for image in found.images or ()))


def _placed(image: ShownImage, run: RunDir) -> ShownImage:
    figures = {what: str(run.path / name) for what, name in image.figures.items()}
    return replace(image, figures=figures)
