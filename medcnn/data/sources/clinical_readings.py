"""What the two tuberculosis sets of the National Library of Medicine share.

Layout: ``CXR_png/CHNCXR_0001_0.png`` (Shenzhen) or ``CXR_png/MCUCXR_0001_0.png`` (Montgomery), where
the last digit is 1 for tuberculosis, and ``ClinicalReadings/<the same name>.txt`` with sex, age and
reading.
Montgomery's masks of lungs have the names of the images and are passed over.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.completion import complete_manifest
from medcnn.data.sources.findings import labelled
from medcnn.data.sources.layout import image_files, release_folder
from medcnn.errors import DataError
from medcnn.io.header import age_in_years
from medcnn.notices import Notice

IMAGES, READINGS = "CXR_png", "ClinicalReadings"
RULE = "file names ending in _1 show signs of tuberculosis and are abnormal, those in _0 are normal"
CITATION = (
    "Jaeger et al., Two public chest X-ray datasets for computer-aided screening of pulmonary "
    "diseases, Quantitative Imaging in Medicine and Surgery 4(6), 2014"
)
SEX = re.compile(r"(female|\bf\b)|(male|\bm\b)", re.IGNORECASE)
AGE = re.compile(r"(\d{1,3})\s*-?\s*(y|m|w|d)", re.IGNORECASE)


def read_set(root: str | Path, source: str, prefix: str) -> Manifest:
    """Return the manifest of one of the two sets.

    Args:
        root: The folder of the release, or the folder of its images.
        source: The name of the source.
        prefix: What the names of its images begin with.

    Raises:
        DataError: If the folder is missing or holds no image of the set.
    """
    folder = release_folder(root, source, f"{IMAGES}/{prefix}_0001_0.png and {READINGS}/")
    # Both sets may lie side by side, and masks have the names of images.
    places = [p for p in sorted(folder.rglob(IMAGES)) if p.is_dir()] or [folder]
    name = re.compile(rf"({prefix}_\d+)_([01])")
    matches = [
        (path, match)
        for place in places
        for path in image_files(place)
        if (match := name.fullmatch(path.stem))
    ]
    if not matches:
        raise DataError(
            f"{folder} has no images of {source}.",
            expected=f"{IMAGES}/{prefix}_0001_0.png and so on",
            found=", ".join(sorted(p.name for p in folder.iterdir())[:8]),
            remedy=f"give the folder of the release, which holds {IMAGES}/",
        )
    rows = pd.DataFrame(
        {
            "image_id": path.name,
            "path": str(path),
            "label": int(match[2]),
            "finding": "tuberculosis" if match[2] == "1" else "",
            "patient_id": match[1],
            "view": "PA",
            **reading(path.parent.parent / READINGS / f"{path.stem}.txt"),
        }
        for path, match in matches
    )
    found = labelled(rows, source, RULE)
    return complete_manifest(
        found.table,
        source=source,
        label_policy=found.policy,
        citation=CITATION,
        warnings=[*_contradictions(rows, source), *found.warnings],
    )


def reading(path: Path) -> dict[str, object]:
    """Return ``sex``, ``age`` (years) and the ``reading`` of a clinical reading; missing if absent.

    The first lines are ``male 45yrs`` in Shenzhen, ``Patient's Sex: F`` and ``Patient's Age: 027Y`` in
    Montgomery; the reading follows.
    """
    if not path.is_file():
        return {"sex": "", "age": None, "reading": ""}
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    head = 2 if lines and lines[0].lower().startswith("patient") else 1
    about = " ".join(lines[:head]).replace("Patient's", "")
    sex, age = SEX.search(about), AGE.search(about)
    return {
        "sex": "" if sex is None else "F" if sex[1] else "M",
        "age": age_in_years(f"{age[1]}{age[2].upper()}") if age else None,
        "reading": " ".join(" ".join(lines[head:]).split()),
    }


def _contradictions(rows: pd.DataFrame, source: str) -> list[Notice]:
    says_normal = rows["reading"].str.lower().str.strip(" .").eq("normal")
    odd = rows[(says_normal & rows["label"].eq(1))]
    missing = rows["reading"].eq("").sum()
    warnings = []
    if len(odd):
        warnings.append(
            Notice("contradicted", source=source, count=len(odd), first=odd["image_id"].iloc[0])
        )
    if missing:
        warnings.append(Notice("no_reading", source=source, count=int(missing), of=len(rows)))
    return warnings
