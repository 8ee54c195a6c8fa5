"""What a source leaves out, told by reason in every language."""

from __future__ import annotations

from collections.abc import Mapping

from medcnn.io.choice import EXCLUDED, MASK
from medcnn.notices import Notice

BESIDE = "beside the class folders"
_WITHOUT_CLASSES = "/, which has no class folders"
_BESIDE_SPLITS = "/, beside the splits"
_KEYS = {
    MASK: "left_masks",
    EXCLUDED: "left_excluded",
    BESIDE: "left_beside",
    "DICOMDIR": "left_index",
    "file without a suffix": "left_bare",
    "zip archive, to be unpacked": "left_archive",
    "archive, to be unpacked": "left_archive",
}
_ENDS = {
    _WITHOUT_CLASSES: "left_without_classes",
    _BESIDE_SPLITS: "left_beside_splits",
    " image": "left_images",
    " volume": "left_volumes",
    " file": "left_files",
}


def without_classes(folder: str) -> str:
    """Return the reason of images in a split without class folders."""
    return f"in {folder}{_WITHOUT_CLASSES}"


def beside_splits(folder: str) -> str:
    """Return the reason of images in a folder beside those of splits."""
    return f"in {folder}{_BESIDE_SPLITS}"


def left_out_notice(source: str, left_out: Mapping[str, int], kept: int) -> list[Notice]:
    """Return the notice that counts what was left out by reason, none where nothing was.

    Args:
        source: The name of the source.
        left_out: How many files were left out, by reason.
        kept: How many were not.
    """
    n = sum(left_out.values())
    if not n:
        return []
    ordered = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    reasons = [_said(reason, count) for reason, count in ordered]
    return [Notice("files_left_out", source=source, count=n, of=n + kept, reasons=reasons)]


def _said(reason: str, n: int) -> Notice:
    if reason in _KEYS:
        return Notice(_KEYS[reason], n=n)
    for end, key in _ENDS.items():
        if reason.endswith(end):
            return Notice(key, n=n, name=reason.removesuffix(end).removeprefix("in "))
    return Notice("left_others", n=n, name=reason)
