"""The files that ``medcnn explain`` leaves in a run directory, read for its report."""

from __future__ import annotations

from typing import Any

from medcnn.files.plain import damaged, read_object
from medcnn.run.directory import RunDir


def read_explanations(run: RunDir) -> dict[str, Any]:
    """Return the object of ``explanations.json``, paths made absolute; empty where there is none.

    Raises:
        DataError: If it is damaged.
    """
    path = run.explanations
    if not path.is_file():
        return {}
    found = read_object(path)
    try:
        for image in found["images"]:
            figures = image["figures"].items()
            image["figures"] = {what: str(run.path / name) for what, name in figures}
    except (LookupError, TypeError, AttributeError) as error:
        expected = "what medcnn explain wrote"
        raise damaged(path, "record of explanations", expected, error) from error
    return found
