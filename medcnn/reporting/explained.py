"""The files that ``medcnn explain`` leaves in a run directory, read for its report."""

from __future__ import annotations

from typing import Any

from medcnn.files.plain import read_json
from medcnn.run.directory import RunDir


def read_explanations(run: RunDir) -> dict[str, Any]:
    """Return the object of ``explanations.json``, paths made absolute; empty where there is none."""
    path = run.explanations
    if not path.is_file():
        return {}
    found: dict[str, Any] = read_json(path)
    for image in found["images"]:
        image["figures"] = {what: str(run.path / name) for what, name in image["figures"].items()}
    return found
