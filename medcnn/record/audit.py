"""What the audit of a run's data found, read back from ``audit.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcnn.errors import DataError
from medcnn.files.plain import damaged, read_object
from medcnn.files.records import fields_from_json

WHAT = "audit"
EXPECTED = "what training wrote of its data"
VERDICTS = ("pass", "warn", "stop")


@dataclass(frozen=True)
class AuditRecord:
    """The findings on the data of a run.

    Attributes:
        verdict: ``pass``, ``warn``, or ``stop`` where results on the test split are not true.
        findings: What a reader has to know, in sentences.
        images: How many there are.
        patients: How many they are of.
        cross_split_duplicates: Groups of alike images on both sides of a split.
        cross_split_patients: Patients on both sides of a split.
        unreadable: The files that could not be read.
        content: All that is in the file.
    """

    verdict: str
    findings: tuple[str, ...]
    content: Mapping[str, Any]
    images: int = 0
    patients: int = 0
    cross_split_duplicates: int = 0
    cross_split_patients: int = 0
    unreadable: tuple[Any, ...] = ()

    @property
    def leaks(self) -> int:
        """Images and patients on both sides of a split."""
        return self.cross_split_duplicates + self.cross_split_patients


def read_audit(path: Path) -> AuditRecord:
    """Return the audit in a file.

    Raises:
        DataError: If there is none, or it is damaged.
    """
    content = read_object(path, what=WHAT)
    try:
        if content["verdict"] not in VERDICTS:
            raise ValueError(f"a verdict {content['verdict']!r}")
        return fields_from_json(AuditRecord, {**content, "content": content}, WHAT)
    except (DataError, LookupError, ValueError) as error:
        raise damaged(path, WHAT, EXPECTED, error, WHAT) from error
