"""One table of findings: the names that the releases use, and whether each is abnormal.

A finding is abnormal if a radiologist would report it as a departure from the normal chest.
Devices (tubes, wires, pacemakers) are not a departure of the chest by themselves, but a chest with
one is no normal chest either: images with nothing but a device are *neutral* and count by the
policy of their source, which is said in ``label_policy``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Kind = Literal["normal", "abnormal", "neutral"]

NORMAL = ("no finding", "no findings", "normal", "none")
NEUTRAL = (
    "support devices",
    "electrical device",
    "pacemaker",
    "dual chamber device",
    "single chamber device",
    "nsg tube",
    "endotracheal tube",
    "tracheostomy tube",
    "chest drain tube",
    "central venous catheter",
    "central venous catheter via jugular vein",
    "central venous catheter via subclavian vein",
    "reservoir central venous catheter",
    "catheter",
    "sternotomy",
    "suture material",
    "surgery",
    "metal",
    "nipple shadow",
    "artificial heart valve",
    "heart valve calcified",
    "humeral prosthesis",
    "mammary prosthesis",
    "endoprosthesis",
    "abnormal foreign body",
    "exclude",
    "suboptimal study",
    "unchanged",
    "technical quality of image unsatisfactory",
)
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
ABNORMAL = (
    *CHESTMNIST,
    "pleural effusion",
    "pleural thickening",
    "pleural other",
    "lung opacity",
    "lung lesion",
    "enlarged cardiomediastinum",
    "fracture",
    "bacteria pneumonia",
    "virus pneumonia",
    "tuberculosis",
    "aortic enlargement",
    "aortic elongation",
    "calcification",
    "clavicle fracture",
    "enlarged pa",
    "ild",
    "interstitial pattern",
    "lung cavity",
    "lung cyst",
    "lung tumor",
    "mediastinal shift",
    "nodule/mass",
    "pulmonary fibrosis",
    "rib fracture",
    "other lesion",
    "other disease",
    "other diseases",
    "copd",
    "scoliosis",
    "granuloma",
    "bronchiectasis",
    "air trapping",
    "costophrenic angle blunting",
    "hiatal hernia",
    "vascular hilar enlargement",
)

TABLE: dict[str, Kind] = {
    **dict.fromkeys(NORMAL, "normal"),
    **dict.fromkeys(NEUTRAL, "neutral"),
    **dict.fromkeys(ABNORMAL, "abnormal"),
}


def canonical(name: str) -> str:
    """Return a release's name of a finding in the table's spelling.

    >>> canonical("Pleural_Thickening"), canonical(" No Finding ")
    ('pleural thickening', 'no finding')
    """
    return re.sub(r"[\s_]+", " ", name).strip().lower()


def kind(name: str) -> Kind:
    """Return what a finding means; a name that the table lacks is abnormal.

    Vocabularies are open (PadChest has 174 names) and all but a few of their words name a
    departure from normal, so an unknown word errs towards abnormal.

    >>> kind("No Finding"), kind("Pacemaker"), kind("kerley lines")
    ('normal', 'neutral', 'abnormal')
    """
    return TABLE.get(canonical(name), "abnormal")


def label_of(findings: Iterable[str]) -> int | None:
    """Return 1 for any abnormal finding, 0 for only normal ones, None where neither is known.

    No findings at all, or nothing but devices, gives None: the source decides.

    >>> label_of(["No Finding"]), label_of(["Mass", "Pacemaker"]), label_of(["Pacemaker"])
    (0, 1, None)
    """
    kinds = {kind(name) for name in findings if canonical(name)}
    if "abnormal" in kinds:
        return 1
    return 0 if kinds == {"normal"} else None
