"""One table of findings: the names that the releases use, and whether each is abnormal.

The table is ``findings.csv`` beside this file. A finding is abnormal if a radiologist would report it
as a departure from the normal chest. Devices (tubes, wires, pacemakers), traces of surgery, variants
of the normal and remarks on the image are *neutral*: a chest with one is not abnormal for it, but no
plainly normal chest either, so an image with nothing but neutral findings has no label and is left
out, counted in the manifest's warnings.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import pandas as pd

from medcnn.notices import Notice

Kind = Literal["normal", "abnormal", "neutral"]

TABLE_FILE = Path(__file__).with_name("findings.csv")
CHESTMNIST = (
    "atelectasis",
    "cardiomegaly",
    "effusion",
    "infiltration",
    "mass",
    "nodule",
    "pneumonia",
    "pneumothorax",
    "consolidation",
    "edema",
    "emphysema",
    "fibrosis",
    "pleural",
    "hernia",
)
"""The fourteen findings in the order of ChestMNIST's columns."""

SHOWN = 12
"""Findings that a label policy names before it counts the rest."""


class Labelled(NamedTuple):
    """Rows that have a label, and what is to be said about them.

    Attributes:
        table: The rows, with ``label``.
        policy: How findings became labels, and how often each occurs.
        warnings: Rows left out, and names that the table of findings lacks.
    """

    table: pd.DataFrame
    policy: str
    warnings: tuple[str, ...]


@cache
def table() -> dict[str, Kind]:
    """Return what each finding means, by its canonical name."""
    with TABLE_FILE.open(encoding="utf-8", newline="") as file:
        rows = [(row["finding"], row["meaning"]) for row in csv.DictReader(file)]
    return {name: kind for name, text in rows for kind in get_args(Kind) if kind == text}


def canonical(name: str) -> str:
    """Return a release's name of a finding in the table's spelling.

    >>> canonical("Pleural_Thickening"), canonical(" No Finding ")
    ('pleural thickening', 'no finding')
    """
    return re.sub(r"[\s_]+", " ", name).strip().lower()


def known(name: str) -> Kind | None:
    """Return what a finding means, None where the table lacks it.

    Of a heading with qualifiers (``Opacity/lung/base/left``), the first word decides.
    """
    full = canonical(name)
    return table().get(full) or table().get(full.partition("/")[0].strip())


def kind(name: str) -> Kind:
    """Return what a finding means; a name that the table lacks is abnormal.

    Vocabularies are open (PadChest has 193 names) and all but a few of their words name a departure
    from normal, so an unknown word errs towards abnormal; ``labelled`` warns of it.

    >>> kind("No Finding"), kind("Pacemaker"), kind("kerley lines")
    ('normal', 'neutral', 'abnormal')
    """
    return known(name) or "abnormal"


def label_of(findings: Iterable[str]) -> int | None:
    """Return 1 for any abnormal finding, 0 for only normal ones, None where neither is known.

    No findings at all, or a neutral one without an abnormal one, gives None.

    >>> label_of(["No Finding"]), label_of(["Mass", "Pacemaker"]), label_of(["Pacemaker"])
    (0, 1, None)
    """
    kinds = {kind(name) for name in findings if canonical(name)}
    if "abnormal" in kinds:
        return 1
    return 0 if kinds == {"normal"} else None


def labelled(
    rows: pd.DataFrame,
    source: str,
    rule: str,
    *,
    closed: bool = True,
    left_out: Counter[str] | None = None,
) -> Labelled:
    """Label the rows by their findings and leave out those that have no label.

    Args:
        rows: With ``finding``: names with ``|`` between them. A column ``label`` that is there
            already (0, 1 or missing) is kept.
        source: The name of the source, for the warnings.
        rule: How findings become labels, in one sentence.
        closed: Whether the release's vocabulary is closed, so that an unknown name is a surprise.
        left_out: Where those without a label are counted.
    """
    rows = rows.copy()
    if "label" not in rows:
        labels = {text: label_of(text.split("|")) for text in rows["finding"].unique()}
        rows["label"] = rows["finding"].map(labels)
    without = rows["label"].isna()
    warnings = []
    if without.any():
        warnings.append(_left_out(rows[without], len(rows), source))
        if left_out is not None:
            left_out["neither normal nor abnormal"] += int(without.sum())
    kept = rows[~without].reset_index(drop=True)
    kept["label"] = kept["label"].astype(int)
    unknown = Counter(name for name in _names(kept) if known(name) is None) if closed else {}
    if unknown:
        warnings.append(Notice("unknown_findings", source=source, names=counted(Counter(unknown))))
    return Labelled(kept, f"{rule}; found: {describe(kept)}", tuple(warnings))


def describe(rows: pd.DataFrame) -> str:
    """Return which findings stand in the rows, by their meaning, the most frequent first.

    >>> describe(pd.DataFrame({"finding": ["No Finding", "Mass|Effusion", "Mass"]}))
    'normal: No Finding (1); abnormal: Mass (2), Effusion (1)'
    """
    count = Counter(_names(rows))
    parts = []
    for meaning in get_args(Kind):
        of_kind = Counter({name: n for name, n in count.items() if kind(name) == meaning})
        if of_kind:
            parts.append(f"{meaning}: {counted(of_kind)}")
    return "; ".join(parts) or "no finding named"


def _names(rows: pd.DataFrame) -> Iterable[str]:
    return (name for text in rows["finding"] for name in str(text).split("|") if name)


def counted(count: Counter[str]) -> str:
    """Return the most frequent names with their counts, and how many more there are."""
    shown = ", ".join(f"{name} ({n})" for name, n in count.most_common(SHOWN))
    rest = len(count) - SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


def _left_out(rows: pd.DataFrame, of: int, source: str) -> str:
    count = Counter(_names(rows))
    why = counted(count) if count else "no finding named"
    return Notice("neither", source=source, count=len(rows), of=of, why=why)
