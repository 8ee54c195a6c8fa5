"""``medcnn export``: a trained run as a folder that needs neither medcnn nor torch."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from medcnn.console import say, warn
from medcnn.exporting.settings import Export
from medcnn.run.directory import RunDir
from medcnn.run.settings import read_settings
from medcnn.settings.composition import read_config


def run(cfg: DictConfig) -> Path:
    """Export what the configuration names, and return the folder."""
    asked = read_config(Export, cfg)
    source = RunDir.open(asked.run, asked.data.root)
    for each in (source, *source.members):
        read_settings(each)
    from medcnn.exporting.folder import export  # torch: seconds

    found = export(asked)
    for text in found.warnings:
        warn(text)
    proof = found.proof
    say(
        f"proved       {proof.golden} golden and {proof.validation} validation images: logits at most "
        f"{proof.largest_logit_difference:.1e} apart, {proof.decisions_that_differ} decisions differ"
    )
    say(f"predict_onnx {found.reproduced}")
    say(f"export       {found.folder}")
    return found.folder
