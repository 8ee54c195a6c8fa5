"""``medcnn check``: the proofs that users can run on their own machine."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.config import plain
from medcnn.console import say
from medcnn.errors import MedcnnError, unknown_name
from medcnn.run_dir import write_json

CHECKS = ("layers",)


def run(cfg: DictConfig) -> list[dict[str, Any]]:
    """Run the chosen proof, print its table, and return its rows.

    Raises:
        MedcnnError: If a proof fails.
    """
    options = plain(cfg)
    if options["what"] not in CHECKS:
        raise unknown_name("check", str(options["what"]), CHECKS)
    rows, table, failed = _layers(options)
    say(table)
    if options["output"] is not None:
        write_json(Path(options["output"]), rows)
    if failed:
        raise MedcnnError(f"{len(failed)} of {len(rows)} checks failed: {', '.join(failed)}")
    return rows


def _layers(options: dict[str, Any]) -> tuple[list[dict[str, Any]], str, list[str]]:
    proof = importlib.import_module("medcnn.layers.check")  # torch: seconds
    names = options["names"]
    rows = proof.check_layers([names] if isinstance(names, str) else names)
    return rows, proof.render_table(rows), proof.failures(rows)
