"""One file through the reader, its header and its pixels through the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medcnn.errors import ImageError
from medcnn.io.appearance import LEAST_CHARACTERS, longest_text, looks_inverted
from medcnn.io.appearance import LEAST_SIDE as JUDGED_SIDE
from medcnn.io.dicom import read_facts, typed_errors
from medcnn.io.dicom_file import is_part10
from medcnn.io.doctor.finding import Finding
from medcnn.io.doctor.header import header_findings
from medcnn.io.doctor.privacy import identifying_findings, telling_name_findings
from medcnn.io.facts import Image
from medcnn.io.names import DICOM_SUFFIXES, is_text, says_image
from medcnn.io.notes import KINDS
from medcnn.io.reading import read_image
from medcnn.io.words import SHOWN_KINDS, is_frontal_chest

LEAST_SIDE = 224
"""Below this many pixels on the shorter side, small findings are lost."""

_EXPORT_AGAIN = "export or copy the file again"


@dataclass(frozen=True)
class Examination:
    """The findings of one file, and whether it can be read at all."""

    path: Path
    readable: bool
    findings: tuple[Finding, ...]


def examine(path: Path, root: Path | None = None) -> Examination:
    """Return what is wrong with one file, or a folder that may not be read; this always returns.

    Args:
        path: The file, or the folder.
        root: The folder below which names of folders count too; by default the file's own.
    """
    if path.is_dir():
        remedy = "check who may read it"
        found = Finding("error", "unreadable_folder", "a folder that cannot be read", remedy)
        return Examination(path, False, (found,))
    name = path.relative_to(root or path.parent).as_posix()
    outside = (*_name_findings(path), *_tag_findings(path, name))
    try:
        image = read_image(path)
    except ImageError as error:
        return Examination(path, False, (_unreadable(path, error), *outside))
    return Examination(path, True, (*outside, *_reader_findings(image), *_pixel_findings(image)))


def _name_findings(path: Path) -> Iterator[Finding]:
    if not is_text(path):
        problem = "a name that is not text in UTF-8: no table can hold it"
        remedy = "rename it, for example with convmv -f latin1 -t utf8 --notest"
        yield Finding("error", "name_not_text", problem, remedy)


def _unreadable(path: Path, error: ImageError) -> Finding:
    if error.kind == "not_an_image" and not says_image(path.name):
        return Finding("note", error.kind, "not an image", "nothing, unless it is meant to be one")
    return Finding("error", error.kind, _sentence(path, error), error.remedy or _EXPORT_AGAIN)


def _sentence(path: Path, error: ImageError) -> str:
    words = error.problem.removeprefix(f"{path}: ")
    facts = (("expected", error.expected), ("found", error.found))
    details = ", ".join(f"{name} {text}" for name, text in facts if text)
    return f"{words} ({details})" if details else words


def _tag_findings(path: Path, name: str) -> tuple[Finding, ...]:
    """Return what the tags say; none where they cannot be read, which the reader has reported."""
    try:
        if not path.is_file():
            return ()
        if not is_part10(path) and path.suffix.lower() not in DICOM_SUFFIXES:
            return ()
        dataset, facts = read_facts(path)
        # Elements are parsed as they are looked at, so a broken one shows here at the latest.
        with typed_errors(path):
            return (
                *header_findings(facts),
                *identifying_findings(dataset),
                *telling_name_findings(dataset, name),
            )
    except (ImageError, OSError):
        return ()


def _reader_findings(image: Image) -> Iterator[Finding]:
    facts = image.facts
    for note in facts.notes:
        if note.kind not in SHOWN_KINDS:  # which the header alone says too
            yield Finding("warning", note.kind, note.text, KINDS[note.kind].remedy)
    if min(facts.rows, facts.columns) < LEAST_SIDE:
        problem = f"smaller than {LEAST_SIDE} pixels on its shorter side"
        yield Finding("warning", "small", problem, "use the original, not a thumbnail")


def _pixel_findings(image: Image) -> Iterator[Finding]:
    # The reader notes what is surely inverted; to look costs a person less than to miss it.
    is_told = any(note.kind in ("inverted", "blank") for note in image.facts.notes)
    is_large = min(image.facts.rows, image.facts.columns) >= JUDGED_SIDE
    if not is_told and is_large and is_frontal_chest(image.facts) and looks_inverted(image.pixels):
        kind = KINDS["inverted"]
        yield Finding("warning", "inverted", kind.sentence, kind.remedy)
    if longest_text(image.pixels) >= LEAST_CHARACTERS:
        yield Finding(
            "privacy",
            "text_burned_in",
            "text burned in, it seems",
            "look whether it names the patient, and black it out: a model can learn from it as well",
        )
