from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

import pytest

from medcnn.data.sources.openi import parse_report, read
from medcnn.errors import DataError

HEADINGS = (
    ("normal",),
    ("Cardiomegaly/mild", "Opacity/lung/base/left"),
    ("Catheters, Indwelling/right",),
    ("normal",),
    ("Osteophyte/thoracic vertebrae/multiple/mild",),
)


def report(uid: str, headings: tuple[str, ...], images: tuple[str, ...]) -> str:
    """Return a report as the collection writes it."""
    majors = "".join(f"<major>{heading}</major>" for heading in headings)
    parents = "".join(f'<parentImage id="{name}"><url>/x</url></parentImage>' for name in images)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<eCitation><meta type="rr"/><uId id="{uid}"/>'
        '<MedlineCitation><Article><Abstract><AbstractText Label="FINDINGS">Clear &amp; dry.'
        f"</AbstractText></Abstract></Article></MedlineCitation><MeSH>{majors}"
        f"<automatic>lung</automatic></MeSH>{parents}</eCitation>"
    )


def imitation(root: Path, write_image, reports: int = 10, projections: bool = True) -> Path:
    """Write reports with a frontal and a lateral image each, and Kaggle's table of projections."""
    (root / "ecgen-radiology").mkdir(parents=True)
    lines = ["uid,filename,projection"]
    for i in range(1, reports + 1):
        numbers = (f"IM-{i:04d}-1001", f"IM-{i:04d}-2001")
        images = tuple(f"CXR{i}_1_{number}" for number in numbers)
        text = report(f"CXR{i}", HEADINGS[i % 5], images)
        (root / "ecgen-radiology" / f"{i}.xml").write_text(text)
        for image in images:
            write_image(root / "NLMCXR_png" / f"{image}.png")
        views = zip(numbers, ("Frontal", "Lateral"), strict=True)
        lines += [f"{i},{i}_{number}.dcm.png,{view}" for number, view in views]
    if projections:
        (root / "indiana_projections.csv").write_text("\n".join(lines))
    return root


def test_manifest(tmp_path, write_image):
    manifest = read(imitation(tmp_path, write_image))
    rows = manifest.table.set_index("image_id")
    assert len(rows) == 8
    first = rows.loc["CXR1_1_IM-0001-1001"]
    assert first[["label", "patient_id", "view"]].tolist() == [1, "CXR1", "FRONTAL"]
    assert first["finding"] == "Cardiomegaly/mild|Opacity/lung/base/left"
    assert rows.loc["CXR3_1_IM-0003-1001", "label"] == 0
    assert rows.loc["CXR4_1_IM-0004-1001", "label"] == 1
    assert "CXR2_1_IM-0002-1001" not in rows.index  # nothing but a catheter
    assert "LATERAL (10)" in manifest.warnings[0]
    assert "2 of 10 images are neither" in manifest.warnings[1]


def test_without_projections_all_images_are_kept(tmp_path, write_image):
    manifest = read(imitation(tmp_path, write_image, projections=False))
    assert len(manifest) == 16
    assert manifest.table["view"].eq("").all()
    assert "does not say which images are lateral" in manifest.warnings[0]


def test_a_broken_report_is_left_out_and_said(tmp_path, write_image):
    imitation(tmp_path, write_image)
    (tmp_path / "ecgen-radiology/1.xml").write_text("<eCitation><MeSH>")
    manifest = read(tmp_path)
    assert "CXR1" not in set(manifest.table["patient_id"])
    assert manifest.warnings[0].startswith("openi: 1 report is not readable and left out: 1.xml (")


def test_headings_and_images_of_a_report():
    text = report("CXR7", ("Mass|odd", " normal\n ", "normal"), ("a", "b")).encode()
    assert parse_report(text) == (["Mass odd", "normal"], ["a", "b"])


def test_entities_are_refused():
    bomb = b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>'
    with pytest.raises(ValueError, match="declares entities"):
        parse_report(bomb)
    with pytest.raises(expat.ExpatError, match="no element found"):
        parse_report(b"<a>")


def test_no_reports(tmp_path, write_image):
    write_image(tmp_path / "CXR1_1_IM-0001-3001.png")
    with pytest.raises(DataError, match=r"openi has no reports(?s:.*)unpack NLMCXR_reports\.tgz"):
        read(tmp_path)
