"""``medcnn audit``: what would stop or mislead a training on this data set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from omegaconf import DictConfig

from medcnn.commands import settings
from medcnn.console import say, warn
from medcnn.data.audit.audit import Audit, run_audit
from medcnn.data.audit.mending import deduplicate
from medcnn.data.checks import check_data
from medcnn.data.preparation import Prepared, prepare
from medcnn.run.directory import write_json
from medcnn.settings.composition import read_config


def run(cfg: DictConfig) -> dict[str, Any]:
    """Audit the data set as it is read, write the JSON file, and return it.

    Where the configuration drops repeated images, the audit after that stands beside it.
    """
    options = read_config(settings.Audit, cfg)
    data = options.data
    check_data(data)
    # Every leak is reported here; whether one stops a run is for the training to decide.
    prepared = prepare(replace(data, audit="warn", deduplicate=False))
    audit = _audit_of(prepared)
    found = audit.to_json()
    for text in prepared.manifest.warnings:
        warn(text)
    for text in found["findings"]:
        if text not in prepared.manifest.warnings:
            say(f"- {text}")
    for text in found["not_checked"]:
        say(f"- not checked: {text}")
    say(f"verdict      {found['verdict']}")
    if data.deduplicate:
        found |= _after_mending(prepared, audit)
    write_json(options.output, found)
    say(f"audit        {options.output}")
    return found


def _after_mending(prepared: Prepared, audit: Audit) -> dict[str, Any]:
    mended = deduplicate(prepared.manifest, audit)
    if len(mended) == len(prepared.manifest):
        return {}
    after = run_audit(mended, prepared.cache)
    for text in mended.warnings[len(prepared.manifest.warnings) :]:
        say(f"- {text}")
    say(f"verdict      {after.verdict} after data.deduplicate=true")
    return {"after_deduplication": after.summary()}


def _audit_of(prepared: Prepared) -> Audit:
    if prepared.audit is None:
        raise AssertionError("audit=warn always audits")
    return prepared.audit
