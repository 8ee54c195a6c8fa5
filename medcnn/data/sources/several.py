"""Several manifests as one: unique names, patients kept apart or together, official splits honoured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import pandas as pd

from medcnn.data.manifest import DOUBTED, Manifest, build_manifest
from medcnn.notices import Notice

SOURCE = "source"
"""The column that says where an image comes from; reports take it as a subgroup."""

LINKED = {"rsna": "nih"}
"""Sources whose patients are another's, named ``other/<number>`` in their own manifest."""

FAMILIES = {
    "ChestX-ray14": ("nih", "rsna", "siim", "chestmnist"),
    "Kermany's radiographs": ("chest_xray", "pneumoniamnist"),
}
"""Releases that hold images of the same patients; only ``LINKED`` ones say of whom."""


def combine(manifests: Mapping[str, Manifest]) -> Manifest:
    """Return one manifest of several, each row with its ``source``.

    Image, study and patient identifiers get the name of their source in front, except for patients
    that a source says are another's. A patient with an official split in one source has the same
    split in all.

    Args:
        manifests: By the name of their source, at least one.
    """
    tables = [_named(name, manifest.table) for name, manifest in manifests.items()]
    table = pd.concat(tables, ignore_index=True)
    table["split"] = _agreed_splits(table)
    columns = [SOURCE, *(name for name in table.columns if name != SOURCE)]
    citations = dict.fromkeys(m.citation for m in manifests.values() if m.citation)
    return build_manifest(
        table[columns],
        source="+".join(manifests),
        label_policy=". ".join(f"{name}: {m.label_policy}" for name, m in manifests.items()),
        citation="; ".join(citations),
        warnings=[
            *(text for m in manifests.values() for text in m.warnings if text not in m.doubts),
            *_family_warnings(table, manifests),
        ],
        left_out=sum((Counter(m.left_out) for m in manifests.values()), Counter()),
        doubts=[text for m in manifests.values() for text in m.doubts],
    )


def _named(name: str, table: pd.DataFrame) -> pd.DataFrame:
    # A user's own manifest may have such a column already.
    table = table.rename(columns={SOURCE: f"{name}_{SOURCE}"})
    if DOUBTED in table:
        table[DOUBTED] = f"{name}/" + table[DOUBTED]
    return table.assign(
        **{SOURCE: name},
        image_id=f"{name}/" + table["image_id"],
        study_id=f"{name}/" + table["study_id"],
        patient_id=of_owner(table["patient_id"], name, name),
    )


def of_owner(patients: pd.Series, source: str, owner: str) -> pd.Series:
    """Return a source's patients with their owner in front, but those that it says are another's."""
    linked = f"{LINKED[source]}/" if source in LINKED else None
    theirs = patients.str.startswith(linked) if linked else patients.ne(patients)
    return (f"{owner}/" + patients).where(~theirs, patients)


def _agreed_splits(table: pd.DataFrame) -> pd.Series:
    """Return the splits, where a patient's other images have none with that of the official ones."""
    official = table[table["split"] != ""].drop_duplicates("patient_id")
    by_patient = dict(zip(official["patient_id"], official["split"], strict=True))
    theirs = pd.Series(
        [by_patient.get(patient, "") for patient in table["patient_id"]], table.index, dtype=str
    )
    return table["split"].where(table["split"] != "", theirs)


def _family_warnings(table: pd.DataFrame, names: Iterable[str]) -> Iterable[str]:
    present = set(names)
    for family, members in FAMILIES.items():
        here = [name for name in members if name in present]
        owners = table["patient_id"].str.partition("/")[0]
        apart = [
            name
            for name in here
            if not (name in LINKED and (owners[table[SOURCE] == name] != name).all())
        ]
        if len(here) > 1 and len(apart) > 1:
            yield Notice(
                "same_patients",
                sources=here,
                family=family,
                silent=[name for name in apart if name != here[0]],
            )
