"""Words for the classes: what a folder, or a cell of a table, calls normal and abnormal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medcnn.errors import DataError
from medcnn.settings.grammar import written

NORMAL_NAMES = (
    *("normal", "healthy", "negative", "no_finding", "nofinding", "no_findings", "0"),
    *("normals", "control", "controls", "neg", "unremarkable"),
    *("unauffällig", "gesund", "negativ", "o._b.", "o.b.", "ohne_befund", "kein_befund"),
)
ABNORMAL_NAMES = (
    *("abnormal", "diseased", "disease", "positive", "pathological", "pathology", "1"),
    *("pneumonia", "tuberculosis", "tb", "covid", "covid19", "covid_19", "lung_opacity"),
    *("effusion", "nodule", "mass", "pneumothorax", "cardiomegaly", "consolidation"),
    *("viral_pneumonia", "bacterial_pneumonia", "atelectasis", "edema", "fibrosis", "emphysema"),
    *("infiltration", "abnormals", "pos", "sick"),
    *("auffällig", "krank", "positiv", "pathologisch", "pneumonie", "tuberkulose", "erguss"),
)
CELLS = {"true": 1, "yes": 1, "y": 1, "false": 0, "no": 0, "n": 0, "0.0": 0, "1.0": 1}
"""What a cell may say beside the names of classes."""


def class_key(name: str) -> str:
    """Return a name as it is compared.

    >>> class_key(" Covid-19 ")
    'covid_19'
    """
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def class_labels(
    names: Iterable[str], normal: Sequence[str] = (), abnormal: Sequence[str] = ()
) -> dict[str, int]:
    """Return the label of each class name: what the user said first, then the well-known names.

    >>> class_labels(["NORMAL", "Covid-19"])
    {'NORMAL': 0, 'Covid-19': 1}

    Raises:
        DataError: If a name is in both lists or its meaning is not known.
    """
    names = list(names)
    normal, abnormal = whole_names(normal, names), whole_names(abnormal, names)
    said = {class_key(n): 0 for n in normal} | {class_key(n): 1 for n in abnormal}
    both = {class_key(n) for n in normal} & {class_key(n) for n in abnormal}
    if both:
        raise DataError(
            f"The class {min(both)!r} is both normal and abnormal.",
            expected="each class folder in one of the two lists",
            remedy="take it out of source.normal or source.abnormal",
        )
    known = dict.fromkeys(NORMAL_NAMES, 0) | dict.fromkeys(ABNORMAL_NAMES, 1) | said
    unclear = [name for name in names if class_key(name) not in known]
    if unclear:
        raise DataError(
            f"It is not clear whether the class folder {unclear[0]!r} is normal or abnormal.",
            expected=f"well-known names ({', '.join(NORMAL_NAMES[:4])}, abnormal, pneumonia, …)",
            found=", ".join(names),
            remedy=f"say it: {written('data.source.abnormal', unclear[:1])} or "
            f"{written('data.source.normal', unclear[:1])}",
        )
    return {name: known[class_key(name)] for name in names}


def whole_names(said: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return class names as said, those that a comma of their own had parted joined again.

    Args:
        said: Names as a list on the command line gave them.
        names: Names as they are.

    >>> whole_names(["Viral", "bacterial", "tb"], ["Normal", "Viral, bacterial"])
    ['Viral, bacterial', 'tb']
    """
    parted = {
        tuple(part.strip() for part in name.split(",")): name for name in names if "," in name
    }
    whole, rest = [], list(map(str, said))
    while rest:
        parts = next((each for each in parted if tuple(rest[: len(each)]) == each), None)
        whole.append(rest[0] if parts is None else parted[parts])
        rest = rest[1 if parts is None else len(parts) :]
    return whole


def is_class_name(word: str) -> int | None:
    """Return 0 or 1 for a well-known name of a class, None for any other.

    >>> is_class_name("Normal"), is_class_name("Viral pneumonia"), is_class_name("what")
    (0, 1, None)
    """
    key = class_key(word)
    return 0 if key in NORMAL_NAMES else 1 if key in ABNORMAL_NAMES else None
