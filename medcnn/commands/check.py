"""``medcnn check``: the proofs that users can run on their own machine."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.commands import settings
from medcnn.console import say
from medcnn.errors import MedcnnError
from medcnn.run.directory import write_json, write_text
from medcnn.settings.composition import read_config


def run(cfg: DictConfig) -> list[dict[str, Any]]:
    """Run the chosen proof, print its table, and return its rows.

    Raises:
        MedcnnError: If a proof fails.
    """
    options = read_config(settings.Check, cfg)
    names = list(options.names) or None
    rows, table, page, failed = (_layers if options.what == "layers" else _dicom)(names)
    say(table)
    output = options.output
    if output is not None and page and output.suffix == ".md":
        write_text(output, page)
    elif output is not None:
        write_json(output, rows)
    if failed:
        raise MedcnnError(f"{len(failed)} of {len(rows)} checks failed: {', '.join(failed)}")
    return rows


Proof = tuple[list[dict[str, Any]], str, str, list[str]]
"""The rows, the printed table, the documentation page (empty: none), and what failed."""


def _layers(names: list[str] | None) -> Proof:
    from medcnn.layers import check as proof  # torch: seconds

    if any("." in name for name in names or ()):
        sys.path.insert(0, str(Path.cwd()))  # as python -m does: a layer beside the user is found
    rows = proof.check_layers(names)
    from medcnn.layers import check_table as table

    return rows, table.render_table(rows), "", proof.failures(rows)


def _dicom(names: list[str] | None) -> Proof:
    from medcnn.io import conformance as proof

    rows = proof.check_dicom(names)
    table, page = proof.render_table(rows), proof.render_page(rows)
    return [asdict(row) for row in rows], table, page, proof.failures(rows)
