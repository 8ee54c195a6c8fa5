"""``medcnn doctor``: what is wrong with this file, folder or installation, and what to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
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
from medcnn.settings.composition import plain
from medcnn.settings.reading import read

_EXAMPLES = 3
_WORDS = {
    "error": "with errors",
    "warning": "with warnings",
    "privacy": "that may identify a person",
    "note": "with notes",
}


def run(cfg: DictConfig) -> dict[str, Any]:
    """Examine what was given, say what was found, and return it.

    Findings are the purpose, so the command ends well with any number of them.

    Raises:
        DataError: If there is no file at the path.
        ConfigError: If ``limit`` is not a positive number.
    """
    options = read(settings.Doctor, plain(cfg))
    report = _installation() if options.path is None else _files(options.path, options.limit)
    _print(report)
    if options.output is not None:
        write_json(options.output, report)
    return report


def _installation() -> dict[str, Any]:
    for line in versions():
        say(line)
    found = list(examine_installation(default_root()))
    counts = Counter(item.severity for item in found)
    return {
        "path": None,
        "files": 0,
        "readable": 0,
        "counts": {name: counts[name] for name in SEVERITIES},
        "findings": [asdict(item) | {"files": 0, "examples": []} for item in found],
    }


def _files(path: Path, limit: int | None) -> dict[str, Any]:
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
    return {
        "path": str(path),
        "files": len(examined),
        "readable": sum(one.readable for one in examined),
        "images": len(files) - left_out.total(),
        "left_out": dict(left_out),
        "counts": {
            name: sum(any(item.severity == name for item in one.findings) for one in examined)
            for name in SEVERITIES
        },
        "findings": _grouped(examined, root),
    }


def _sample(files: Sequence[Path], limit: int | None) -> list[Path]:
    if limit is None or limit >= len(files):
        return list(files)
    return [files[index * len(files) // limit] for index in range(limit)]


def _grouped(examined: Iterable[Examination], root: Path) -> list[dict[str, Any]]:
    """Return one entry for each different finding, worst and most frequent first."""
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
        asdict(item)
        | {"details": [name for name, _ in details[item].most_common()]}
        | {"files": counts[item], "examples": examples[item]}
        for item in order
    ]


def _print(report: dict[str, Any]) -> None:
    for entry in report["findings"]:
        say("")
        details = f": {', '.join(entry['details'])}" if entry["details"] else ""
        say(f"{entry['severity']:8} {_subject(report, entry)}{entry['problem']}{details}")
        if report["files"] > 1:
            more = "" if entry["files"] <= _EXAMPLES else ", …"
            say(f"  files       {', '.join(entry['examples'])}{more}")
        say(f"  what to do  {entry['remedy']}")
    say("")
    if report.get("left_out"):
        say(
            f"{report['images']} files are images; training and prediction leave out "
            f"{counted(report['left_out'])}"
        )
    say(_summary(report))


def _subject(report: dict[str, Any], entry: dict[str, Any]) -> str:
    return f"{entry['files']} of {report['files']} files: " if report["files"] > 1 else ""


def _summary(report: dict[str, Any]) -> str:
    counts = {name: count for name, count in report["counts"].items() if count}
    if report["path"] is None:
        named = ", ".join(f"{count} × {name}" for name, count in counts.items())
        return f"installation: {named or 'nothing wrong was found'}"
    found = ", ".join(f"{count} {_WORDS[name]}" for name, count in counts.items())
    files = "1 file" if report["files"] == 1 else f"{report['files']} files"
    return f"{report['readable']} of {files} can be read; {found or 'nothing wrong was found'}"
