"""``medcnn check``: the proofs that users can run on their own machine."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.console import say
from medcnn.errors import MedcnnError, unknown_name
from medcnn.run.directory import write_json, write_text
from medcnn.settings.composition import plain

CHECKS = ("layers", "dicom")


def run(cfg: DictConfig) -> list[dict[str, Any]]:
    """Run the chosen proof, print its table, and return its rows.

    Raises:
        MedcnnError: If a proof fails.
    """
    options = plain(cfg)
    if options["what"] not in CHECKS:
        raise unknown_name("check", str(options["what"]), CHECKS)
    rows, table, page, failed = (_layers if options["what"] == "layers" else _dicom)(options)
    say(table)
    output = options["output"]
    if output is not None and page and Path(output).suffix == ".md":
        write_text(Path(output), page)
    elif output is not None:
        write_json(Path(output), rows)
    if failed:
        raise MedcnnError(f"{len(failed)} of {len(rows)} checks failed: {', '.join(failed)}")
    return rows


Proof = tuple[list[dict[str, Any]], str, str, list[str]]
"""The rows, the printed table, the documentation page (empty: none), and what failed."""


def _layers(options: dict[str, Any]) -> Proof:
    proof = importlib.import_module("medcnn.layers.check")  # torch: seconds
    names = _names(options)
    if any("." in name for name in names or ()):
        sys.path.insert(0, str(Path.cwd()))  # as python -m does: a layer beside the user is found
    rows = proof.check_layers(names)
    table = importlib.import_module("medcnn.layers.check_table")
    return rows, table.render_table(rows), "", proof.failures(rows)


def _dicom(options: dict[str, Any]) -> Proof:
    proof = importlib.import_module("medcnn.io.conformance")
    rows = proof.check_dicom(_names(options))
    return rows, proof.render_table(rows), proof.render_page(rows), proof.failures(rows)


def _names(options: dict[str, Any]) -> list[str] | None:
    names = options["names"]
    return [names] if isinstance(names, str) else names
