"""``medcnn doctor``: what is wrong with this file, folder or installation, and what to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.progress import track

from medcnn.commands import settings
from medcnn.commands.installation import examine_installation, versions
from medcnn.console import CONSOLE, say
from medcnn.data.cache.cache import default_root
from medcnn.data.checks import check_path
from medcnn.errors import DataError
from medcnn.io.choice import CLOSED, Entry, counted, walk
from medcnn.io.doctor import SEVERITIES, Examination, Finding, examine
from medcnn.run.directory import write_json
from medcnn.settings.composition import read_config

_EXAMPLES = 3
_WORDS = {
    "error": "with errors",
    "warning": "with warnings",
    "privacy": "that may identify a person",
    "note": "with notes",
}


@dataclass(frozen=True)
class Told:
    """A finding and the files that have it.

    Attributes:
        finding: What is wrong, with what differs between the files.
        files: How many have it; 0 for the installation.
        examples: The first of them.
    """

    finding: Finding
    files: int = 0
    examples: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the finding's keys with the files beside."""
        return asdict(self.finding) | {"files": self.files, "examples": list(self.examples)}


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found.

    Attributes:
        path: What was examined; None for the installation.
        files: How many files were examined.
        readable: Those that can be read.
        counts: Files, or findings of the installation, by severity.
        findings: Worst and most frequent first.
        images: Files that training and prediction take for images.
        left_out: Those that they do not, by the reason; None for the installation.
    """

    path: Path | None
    files: int = 0
    readable: int = 0
    counts: dict[str, int]
    findings: tuple[Told, ...]
    images: int = 0
    left_out: dict[str, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``output=`` takes."""
        found = {
            "path": None if self.path is None else str(self.path),
            "files": self.files,
            "readable": self.readable,
            "counts": self.counts,
            "findings": [told.to_json() for told in self.findings],
        }
        if self.left_out is None:
            return found
        return found | {"images": self.images, "left_out": self.left_out}


def run(cfg: DictConfig) -> dict[str, Any]:
    """Examine what was given, say what was found, and return it.

    Findings are the purpose, so the command ends well with any number of them.

    Raises:
        DataError: If there is no file at the path.
        ConfigError: If ``limit`` is not a positive number.
    """
    options = read_config(settings.Doctor, cfg)
    report = _installation() if options.path is None else _files(options.path, options.limit)
    _print(report)
    if options.output is not None:
        write_json(options.output, report.to_json())
    return report.to_json()


def _installation() -> Report:
    for line in versions():
        say(line)
    found = list(examine_installation(default_root()))
    counts = Counter(item.severity for item in found)
    return Report(
        path=None,
        counts={name: counts[name] for name in SEVERITIES},
        findings=tuple(Told(finding) for finding in found),
    )


def _files(path: Path, limit: int | None) -> Report:
    check_path(path, "path")
    entries = list(walk(path)) if path.is_dir() else [Entry(path)] if path.is_file() else []
    files = sorted(entry.path for entry in entries)
    if not files:
        raise DataError(
            f"{path}: there is nothing to examine.",
            expected="a folder with DICOM, PNG, JPEG, TIFF or BMP files",
            found="hidden files at most" if path.is_dir() else "neither a file nor a folder",
            remedy="check the path, or copy the files again",
        )
    chosen = _sample(files, limit)
    if len(chosen) < len(files):
        say(f"examining {len(chosen)} of {len(files)} files, evenly spaced (limit={limit})")
    shown = track(chosen, "examining", console=CONSOLE, transient=True, disable=len(chosen) < 20)
    root = path if path.is_dir() else path.parent
    examined = [examine(file, root) for file in shown]
    left_out = Counter(entry.reason for entry in entries if entry.reason not in ("", CLOSED))
    return Report(
        path=path,
        files=len(examined),
        readable=sum(one.readable for one in examined),
        counts={
            name: sum(any(item.severity == name for item in one.findings) for one in examined)
            for name in SEVERITIES
        },
        findings=tuple(_grouped(examined, root)),
        images=len(files) - left_out.total(),
        left_out=dict(left_out),
    )


def _sample(files: Sequence[Path], limit: int | None) -> list[Path]:
    if limit is None or limit >= len(files):
        return list(files)
    return [files[index * len(files) // limit] for index in range(limit)]


def _grouped(examined: Iterable[Examination], root: Path) -> list[Told]:
    """Return one for each different finding, worst and most frequent first."""
    counts: Counter[Finding] = Counter()
    details: defaultdict[Finding, Counter[str]] = defaultdict(Counter)
    examples: defaultdict[Finding, list[str]] = defaultdict(list)
    for one in examined:
        for finding in dict.fromkeys(one.findings):
            counts[finding] += 1
            details[finding].update(finding.details)
            if len(examples[finding]) < _EXAMPLES:
                examples[finding].append(one.path.relative_to(root).as_posix())
    order = sorted(counts, key=lambda item: (SEVERITIES.index(item.severity), -counts[item]))
    return [
        Told(
            replace(item, details=tuple(name for name, _ in details[item].most_common())),
            counts[item],
            tuple(examples[item]),
        )
        for item in order
    ]


def _print(report: Report) -> None:
    for told in report.findings:
        found = told.finding
        say("")
        details = f": {', '.join(found.details)}" if found.details else ""
        subject = f"{told.files} of {report.files} files: " if report.files > 1 else ""
        say(f"{found.severity:8} {subject}{found.problem}{details}")
        if report.files > 1:
            more = "" if told.files <= _EXAMPLES else ", …"
            say(f"  files       {', '.join(told.examples)}{more}")
        say(f"  what to do  {found.remedy}")
    say("")
    if report.left_out:
        say(
            f"{report.images} files are images; training and prediction leave out "
            f"{counted(report.left_out)}"
        )
    say(_summary(report))


def _summary(report: Report) -> str:
    counts = {name: count for name, count in report.counts.items() if count}
    if report.path is None:
        named = ", ".join(f"{count} × {name}" for name, count in counts.items())
        return f"installation: {named or 'nothing wrong was found'}"
    found = ", ".join(f"{count} {_WORDS[name]}" for name, count in counts.items())
    files = "1 file" if report.files == 1 else f"{report.files} files"
    return f"{report.readable} of {files} can be read; {found or 'nothing wrong was found'}"
