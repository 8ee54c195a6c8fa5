"""The journal of a run: what it ran on, how long each stage took, and every warning it gave.

It becomes ``environment.json``, which the report repeats.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import subprocess
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from medcnn.errors import MedcnnWarning
from medcnn.notices import records
from medcnn.run.command import asked
from medcnn.run.directory import RunDir, write_json, write_text
from medcnn.run.entries import read_entries
from medcnn.run.hashes import hashes_of
from medcnn.version import __version__

PACKAGES = (
    "torch",
    "torchvision",
    "pytorch-lightning",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "pydicom",
    "opencv-python-headless",
    "hydra-core",
)


class Journal:
    """Facts and warnings of one run, written to ``environment.json`` after every stage.

    Args:
        run: The run directory.
        seed: The seed of the run.
        echo: Called with each new warning, to show it on the console.
    """

    def __init__(self, run: RunDir, *, seed: int, echo: Any = None) -> None:
        self.run, self.path, self._echo = run, run.environment, echo
        self.facts: dict[str, Any] = {
            "command": asked(),
            "started": _now(),
            "finished": None,
            "seed": seed,
            "seconds": {},
            "warnings": [],
            "versions": _versions(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cpu": _processor(),
            "cores": os.cpu_count(),
            **_revision(diff := _git("diff", "HEAD")),
            "resumed": 0,
            "test_looks": 0,
        }
        if diff:
            write_text(run.changes, diff)
        if run.environment.is_file():
            before = read_entries(run)
            self.facts["resumed"] = before.resumed + 1
            self.facts["warnings"] = list(before.warnings)
            self.facts["test_looks"] = before.test_looks
            if before.environment.threads is not None:
                self.facts["threads"] = before.environment.threads

    def warn(self, text: str) -> None:
        """Record a warning once, and show it."""
        if text not in self.facts["warnings"]:
            self.facts["warnings"].append(text)
            if self._echo is not None:
                self._echo(text)

    def note(self, **facts: Any) -> None:
        """Record facts and save the journal."""
        self.facts.update(facts)
        self.save()

    def adopt(self, notes: Notes) -> None:
        """Take over what another process has noted, and shown, of its part of the work."""
        facts = dict(notes.facts)
        known = self.facts["warnings"]
        known += [text for text in facts.pop("warnings") if text not in known]
        self.facts["seconds"] |= facts.pop("seconds")
        self.note(**facts)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage and catch the medcnn warnings given in it."""
        started = time.perf_counter()
        with warnings.catch_warnings():
            show = warnings.showwarning

            def catch(message: Any, category: type[Warning], *place: Any) -> None:
                if issubclass(category, MedcnnWarning):
                    # Its text may be a notice, which str would take the key from.
                    self.warn(message.args[0] if isinstance(message, Warning) else message)
                else:
                    show(message, category, *place)

            setattr(warnings, "showwarning", catch)  # noqa: B010  its stub names every parameter
            warnings.simplefilter("always", MedcnnWarning)
            try:
                yield
            finally:
                seconds = time.perf_counter() - started
                self.facts["seconds"][name] = round(seconds, 3)
                self.save()

    def finish(self) -> None:
        """Record that the run is complete, and the hashes of what it leaves."""
        self.note(hashes=hashes_of(self.run), finished=_now())

    def save(self) -> None:
        """Write the file."""
        write_json(self.path, self.facts | {"notices": records(self.facts["warnings"])})


class Notes(Journal):
    """The journal of a process that trains for another: kept in memory, for ``Journal.adopt``.

    Args:
        echo: Called with each new warning, to show it on the console.
    """

    def __init__(self, echo: Any = None) -> None:
        self._echo = echo
        self.facts = {"seconds": {}, "warnings": []}

    def save(self) -> None:
        """Leave the files to the process that it works for."""


def count_look(run: RunDir) -> None:
    """Count one more look at the test split in the journal of a finished run."""
    before = read_entries(run)
    looks = before.test_looks if "test_looks" in before.content else 1
    write_json(run.environment, {**before.content, "test_looks": looks + 1})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"medcnn": __version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


CHECKOUT = Path(__file__).resolve().parents[2]
"""Where the code runs from: a checkout, or the folder of the installed packages."""


def _git(*arguments: str) -> str | None:
    """Return what git says of the checkout; None without one, or without git."""
    if not (CHECKOUT / ".git").exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603  fixed arguments
            ["git", "-C", str(CHECKOUT), *arguments],  # noqa: S607  the user's own git
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout


def _revision(diff: str | None) -> dict[str, Any]:
    """Return commit and dirty state of the checkout, whose tracked files differ so, or nulls."""
    commit, status = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return {
        "commit": None if commit is None else commit.strip(),
        "dirty": None if status is None else bool(status),
        "diff_sha256": hashlib.sha256(diff.encode()).hexdigest() if diff else None,
    }
