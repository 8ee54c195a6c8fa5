"""Where a run comes from: its machine, its software, its data and what the audit says of them."""

from __future__ import annotations

import shlex
from typing import Any

from medcnn.metrics.estimate import Estimate
from medcnn.reporting.contents import Contents
from medcnn.reporting.tables import with_interval
from medcnn.reporting.wording import Wording

Rows = list[tuple[str, str]]
_PLAIN = ("started", "finished", "python", "platform", "cpu", "device", "precision")
_NUMBERS = ("threads", "workers", "seed")
_COUNTS = (
    "images",
    "patients",
    "duplicate_groups",
    "near_duplicate_groups",
    "cross_split_duplicates",
    "cross_split_patients",
    "label_conflicts",
)


def environment_rows(contents: Contents, words: Wording) -> Rows:
    """Return command, machine, commit, seed, weights and data as lines."""
    found = contents.environment
    if not found:
        return []
    command = found.get("command") or []
    rows = [
        (
            words("env.command"),
            shlex.join(map(str, command)) if isinstance(command, list) else str(command),
        )
    ]
    rows += [
        (words(f"env.{key}"), str(found[key]))
        for key in (*_PLAIN, *_NUMBERS)
        if found.get(key) is not None
    ]
    commit = str(found.get("commit") or words("common.not_recorded"))
    rows.append(
        (words("env.commit"), commit + (f" ({words('env.dirty')})" if found.get("dirty") else ""))
    )
    rows += _nested(found.get("weights"), "env.weights", words)
    rows += _nested(found.get("data"), "env.data", words)
    seconds = found.get("seconds") or {}
    rows += [
        (f"{words('env.seconds')} · {stage}", f"{words.number(value, 1)} s")
        for stage, value in seconds.items()
    ]
    if found.get("test_looks") is not None:
        rows.append((words("env.test_looks"), str(found["test_looks"])))
    return rows


def versions(contents: Contents) -> Rows:
    """Return the packages and their versions."""
    found = contents.environment.get("versions") or {}
    return [(str(name), str(version)) for name, version in found.items() if version]


def audit_rows(contents: Contents, words: Wording) -> Rows:
    """Return the counts of the data audit as lines."""
    audit = contents.audit
    if not audit:
        return []
    rows = [
        (words(f"audit.{key}"), words.count(audit[key]))
        for key in _COUNTS
        if isinstance(audit.get(key), int)
    ]
    unreadable = audit.get("unreadable")
    if isinstance(unreadable, list):
        rows.insert(2, (words("audit.unreadable"), words.count(len(unreadable))))
    left_out = audit.get("left_out")
    if isinstance(left_out, dict) and left_out:
        rows.insert(3, (words("audit.left_out"), words.count(sum(left_out.values()))))
    shortcut = audit.get("shortcut") or {}
    if shortcut.get("auroc"):
        estimate = Estimate.from_json(shortcut["auroc"])
        rows.append((words("audit.shortcut"), with_interval("auroc", estimate, words)))
    return rows


def _nested(raw: Any, section: str, words: Wording) -> Rows:
    if not isinstance(raw, dict):
        return []
    title = words(section)
    return [
        (f"{title} · {words.name('origin', str(key)).replace('_', ' ')}", _text(value, words))
        for key, value in raw.items()
        # Warnings stand among the warnings of the page.
        if value not in (None, "", [], {}) and key != "warnings"
    ]


def _text(value: Any, words: Wording) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, str) and " " in value:
        return words.verbatim(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
