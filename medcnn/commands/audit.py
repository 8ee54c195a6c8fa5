"""``medcnn audit``: what would stop or mislead a training on this data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.config import plain
from medcnn.console import say, warn
from medcnn.data.preparation import prepare
from medcnn.run_dir import write_json
from medcnn.settings import check_data


def run(cfg: DictConfig) -> dict[str, Any]:
    """Audit the data set as a training would, write the JSON file, and return it."""
    options = plain(cfg)
    check_data(options["data"])
    # Every leak is reported here; whether one stops a run is for the training to decide.
    prepared = prepare({**options["data"], "audit": "warn"}, seed=options["data"]["split_seed"])
    if prepared.audit is None:
        raise AssertionError("audit=warn always audits")
    found = prepared.audit.to_json()
    write_json(Path(options["output"]), found)
    for text in prepared.manifest.warnings:
        warn(text)
    for text in found["findings"]:
        say(f"- {text}")
    say(f"verdict      {found['verdict']}")
    say(f"audit        {options['output']}")
    return dict(found)
