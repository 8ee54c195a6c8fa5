"""Open-I, the Indiana University chest X-ray collection (NLMCXR) of the National Library of Medicine.

Layout: reports ``ecgen-radiology/1.xml`` and so on (NLMCXR_reports.tgz) and images
``CXR1_1_IM-0001-3001.png`` (NLMCXR_png.tgz), anywhere below the folder. A report's MeSH headings name
its findings. The release does not say which image is frontal; ``indiana_projections.csv`` does, where
it stands beside (``uid, filename, projection``, published with Kaggle's copy).
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.parsers import expat

import pandas as pd

from medcnn.data.audit.statistics import first_names
from medcnn.data.manifest import Manifest
from medcnn.data.sources.metadata import views
from medcnn.data.sources.release import Release
from medcnn.errors import DataError
from medcnn.notices import Notice

EXPECTED = "ecgen-radiology/*.xml and the images CXR*.png"
PROJECTIONS = "indiana_projections.csv"
RULE = (
    "normal if the report's only MeSH heading is normal, abnormal if any heading is neither that nor "
    "a device nor a remark on the image"
)
CITATION = (
    "Demner-Fushman et al., Preparing a collection of radiology examinations for distribution and "
    "retrieval, Journal of the American Medical Informatics Association 23(2), 2016"
)
NO_VIEWS = (
    f"openi: the release does not say which images are lateral, and {PROJECTIONS} is not beside it: "
    "all images were kept."
)


def read(root: str | Path, views: str = "frontal") -> Manifest:
    """Return the manifest of Open-I; each report counts as one patient.

    Args:
        root: The folder of the release.
        views: ``frontal`` or ``all``; without ``indiana_projections.csv`` all images are kept.

    Raises:
        ConfigError: If ``views`` is not one of its choices.
        DataError: If the folder or the reports are missing, or no image is there.
    """
    release = Release("openi", root, EXPECTED)
    reports, broken = _reports(release.folder)
    rows = pd.DataFrame(
        [
            {"image_id": image, "finding": "|".join(headings), "patient_id": name}
            for name, (headings, images) in reports.items()
            for image in images
        ]
    )
    rows["path"] = release.images.find(rows["image_id"] + ".png")
    rows["view"], unknown = _views(release, rows)
    told = [*broken, *unknown]
    return release.manifest(rows, RULE, citation=CITATION, views=views, closed=False, warnings=told)


def _reports(folder: Path) -> tuple[dict[str, tuple[list[str], list[str]]], list[Notice]]:
    """Return the headings and images of each report by its name, and what could not be read."""
    files = sorted(folder.rglob("*.xml"))
    reports: dict[str, tuple[list[str], list[str]]] = {}
    broken = []
    for path in files:
        try:
            reports[f"CXR{path.stem}"] = parse_report(path.read_bytes())
        except (expat.ExpatError, ValueError, OSError) as error:
            broken.append(f"{path.name} ({error})")
    if not any(images for _, images in reports.values()):
        raise DataError(
            f"openi has no reports below {folder}.",
            expected=EXPECTED,
            found=f"{len(files)} XML files, none of which names an image",
            remedy="unpack NLMCXR_reports.tgz into that folder",
        )
    return reports, first_names("broken_reports", broken)


def parse_report(text: bytes) -> tuple[list[str], list[str]]:
    """Return the major MeSH headings and the images of a report.

    Raises:
        ValueError: If the document declares entities, which could grow without bound.
        xml.parsers.expat.ExpatError: If it is not XML.
    """
    headings: list[str] = []
    images: list[str] = []
    inside = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        inside = name == "major"
        if inside:
            headings.append("")
        if name == "parentImage" and "id" in attributes:
            images.append(attributes["id"])

    def end(_name: str) -> None:
        nonlocal inside
        inside = False

    def data(part: str) -> None:
        if inside:
            headings[-1] += part

    def entity(*_: object) -> None:
        raise ValueError("it declares entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = data, entity
    parser.Parse(text, True)
    named = [" ".join(heading.split()).replace("|", " ") for heading in headings]
    return list(dict.fromkeys(name for name in named if name)), images


def _views(release: Release, rows: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    path = next(iter(sorted(release.folder.rglob(PROJECTIONS))), None)
    if path is None:
        return pd.Series("", rows.index), [NO_VIEWS]
    table = release.table(path, "uid", "filename", "projection")
    # Kaggle's 1_IM-0001-4001.dcm.png is CXR1_1_IM-0001-4001.png: report and IM number are the same.
    keys = "CXR" + table["uid"].str.strip() + "/" + table["filename"].map(_number)
    projection = dict(zip(keys, views(table["projection"]), strict=True))
    ours = rows["patient_id"] + "/" + rows["image_id"].map(_number)
    return ours.map(projection).fillna(""), []


def _number(name: str) -> str:
    match = re.search(r"IM-\d+(?:-\d+)*", name)
    return match[0] if match else name
