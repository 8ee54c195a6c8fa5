"""``medcnn audit``: what would stop or mislead a training on this data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.config import plain
from medcnn.console import say, warn
from medcnn.data.audit import Audit
from medcnn.data.preparation import Prepared, prepare
from medcnn.run_dir import write_json
from medcnn.settings import check_data


def run(cfg: DictConfig) -> dict[str, Any]:
    """Audit the data set as it is read, write the JSON file, and return it.

    Where the configuration drops repeated images, the audit after that stands beside it.
    """
    options = plain(cfg)
    check_data(options["data"])
    # Every leak is reported here; whether one stops a run is for the training to decide.
    data = {**options["data"], "audit": "warn"}
    prepared = prepare({**data, "deduplicate": False}, seed=data["split_seed"])
    found = _audit_of(prepared).to_json()
    for text in prepared.manifest.warnings:
        warn(text)
    for text in found["findings"]:
        say(f"- {text}")
    for text in found["not_checked"]:
        say(f"- not checked: {text}")
    say(f"verdict      {found['verdict']}")
    if data["deduplicate"] and (found["groups"] or found["near_groups"]):
        mended = prepare(data, seed=data["split_seed"])
        after = _audit_of(mended)
        found["after_deduplication"] = after.summary()
        say(f"- {mended.manifest.warnings[-1]}")
        say(f"verdict      {after.verdict} after data.deduplicate=true")
    write_json(Path(options["output"]), found)
    say(f"audit        {options['output']}")
    return found


def _audit_of(prepared: Prepared) -> Audit:
    if prepared.audit is None:
        raise AssertionError("audit=warn always audits")
    return prepared.audit
