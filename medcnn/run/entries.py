"""What a journal wrote into ``environment.json``, read back: the course of a run, and its machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from medcnn.errors import DataError
from medcnn.files.plain import damaged, read_object
from medcnn.files.records import fields_from_json
from medcnn.run.directory import RunDir

WHAT = "journal of the run"


@dataclass(frozen=True)
class Environment:
    """The machine and the software that a run was made with; None where it is not recorded.

    Attributes:
        python: The version of Python.
        platform: The operating system.
        cpu: The name of the processor.
        cores: How many there were.
        threads: How many computed.
        device: What trained.
        precision: Lightning's name of it.
        commit: Of medcnn's checkout.
        dirty: Whether the checkout held more than the commit.
        versions: Of the packages, None for one that was not installed.
    """

    python: str | None = None
    platform: str | None = None
    cpu: str | None = None
    cores: int | None = None
    threads: int | None = None
    device: str | None = None
    precision: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    versions: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Entries:
    """The course of a run.

    Attributes:
        command: The words of the command line.
        seed: The seed of the run; None where it is not recorded.
        started: When, in ISO 8601.
        finished: When, in ISO 8601; None while it goes on, or where it was interrupted.
        resumed: How often it was gone on with.
        test_looks: How often the test split was evaluated.
        seconds: How long each stage took.
        warnings: Every warning, as it was given: a notice where it was one.
        hashes: The SHA-256 of every file that a later command reads, by its path in the run.
        content: All that is in the file.
    """

    command: tuple[str, ...] = ()
    seed: int | None = None
    started: str | None = None
    finished: str | None = None
    resumed: int = 0
    test_looks: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def environment(self) -> Environment:
        """The machine and the software."""
        names = [name for name in Environment.__dataclass_fields__ if name in self.content]
        return Environment(**{name: self.content[name] for name in names})

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Entries:
        """Return the entries in the object of ``environment.json``.

        Raises:
            DataError: If one of them is of another kind.
        """
        return fields_from_json(cls, {**content, "content": content}, WHAT)


def read_entries(run: RunDir) -> Entries:
    """Return what the journal of a run holds.

    Raises:
        DataError: If there is no journal, or it is damaged.
    """
    remedy = f"restore it, or begin anew in another run_dir than {run.path}"
    content = read_object(run.environment, what=WHAT, remedy=remedy)
    try:
        return Entries.of(content)
    except DataError as error:
        raise damaged(run.environment, WHAT, "what training wrote", error, WHAT, remedy) from error
